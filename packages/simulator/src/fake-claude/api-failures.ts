import { errorTypes } from '../model-api/failures.js';
import type { Script } from './hazards.js';

/** A model call that failed for good, and the CLI's message for it. */
export interface ApiFailure {
  status: number | null;
  text: string;
  /** When the usage limit resets, s since 1970. */
  resetsAt?: number;
}

/** The CLI's names for errors that it does not retry, by status. Others are `unknown`. */
export const errorNames: Readonly<Record<number, string>> = {
  401: 'authentication_failed',
  403: 'oauth_org_not_allowed',
  404: 'model_not_found',
  429: 'rate_limit',
};

interface Retry {
  attempt: number;
  max_retries: number;
  retry_delay_ms: number;
  error_status: number | null;
  error: string;
}

/** Pauses between retries, like the real CLI's: they double from half a second. Here tests need not wait for them. */
const maxRetries = 10;
const retryDelayMs = 10;

/** The CLI's answer at a usage limit: its subtype is success. Source: public reports. */
export const usageLimitText = "You've hit your session limit · resets 3pm";
/** The time in it, s since 1970. */
export const usageLimitResetsAt = 1_796_054_400;

/** Errors seen in `api_retry` lines: overloaded, unknown (a cut connection). */
const reasons: Record<number, string> = { 429: 'rate_limit', 529: 'overloaded' };

const isWorthARetry = (status: number): boolean => status === 408 || status === 409 || status === 429 || status >= 500;

/** The attempts that fail before the model answers, and the last failure when there are too many. */
export function failuresOf({ error, cut }: Script): { retries: Retry[]; failure: ApiFailure | undefined } {
  const status = error?.status ?? null;
  const times = error?.times ?? cut?.times ?? 0;
  const failure = { status, text: text(status) };
  if (times === 0) return { retries: [], failure: undefined };
  if (status !== null && !isWorthARetry(status)) return { retries: [], failure };
  const retries = Array.from({ length: Math.min(times, maxRetries) }, (_, at) => ({
    attempt: at + 1,
    max_retries: maxRetries,
    retry_delay_ms: retryDelayMs,
    error_status: status,
    error: status === null ? 'unknown' : (reasons[status] ?? errorTypes[status] ?? 'unknown'),
  }));
  return { retries, failure: times > maxRetries ? failure : undefined };
}

function text(status: number | null): string {
  return status === null ? 'API Error: Connection error.' : `API Error: ${status} Simulated error ${status}`;
}
