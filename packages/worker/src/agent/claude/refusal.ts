import type { Refusal, RefusalKind } from '../driver.js';
import type { LineOf } from './wire.js';

type LimitInfo = LineOf<'rate_limit_event'>['rate_limit_info'];

/** `error` of an assistant line, for errors that another prompt does not mend. Source: the public types of the Agent SDK, 0.3.332. */
const kinds: Readonly<Record<string, RefusalKind>> = {
  rate_limit: 'rate_limit',
  authentication_failed: 'login',
  oauth_org_not_allowed: 'login',
  account_on_hold: 'login',
  verification_required: 'login',
  cloud_credential_error: 'login',
  billing_error: 'credit',
  model_not_found: 'model',
};
/** The status decides where the CLI has no name for the error. */
const kindsByStatus: Readonly<Record<number, RefusalKind>> = {
  401: 'login',
  402: 'credit',
  403: 'login',
  429: 'rate_limit',
};

/**
 * Knows why the model API refused a prompt, from the error of the last message, the status of the result and what the CLI knows of
 * the account's usage limit. A limit can be reached although the result says success (reported).
 */
export class RefusalWatch {
  private error: string | undefined;
  /** Kept over prompts, because the CLI prints it only when it changes. */
  private limit: LimitInfo | undefined;
  private warned: string | undefined;

  /** A message of the main conversation. One without an error means that the API answered. */
  noteMessage({ error }: LineOf<'assistant'>): void {
    this.error = error;
  }

  /** Returns a warning when a usage limit is near. Undefined when it is not, or was told before. */
  noteLimit(limit: LimitInfo): string | undefined {
    this.limit = limit;
    if (limit.status !== 'allowed_warning') return undefined;
    const name = nameOf(limit);
    const used = limit.utilization === undefined ? '' : ` (${Math.round(limit.utilization * 100)} % used)`;
    const warning = `The account's usage limit${name} is near${used}.${resetOf(limit)}`;
    const key = `${limit.rateLimitType} ${limit.resetsAt}`;
    if (this.warned === key) return undefined;
    this.warned = key;
    return warning;
  }

  take({ api_error_status: status }: LineOf<'result'>): Refusal | undefined {
    const { error, limit } = this;
    this.error = undefined;
    const kind = kinds[error ?? ''] ?? kindsByStatus[status ?? 0] ?? (isOfContent(status) ? 'content' : undefined);
    if (kind !== 'rate_limit') return kind === undefined ? undefined : { kind };
    // Without the name of a limit the API only refuses to be called so fast.
    if (limit?.status !== 'rejected' || limit.rateLimitType === undefined) return { kind };
    return { kind: 'limit', ...(limit.resetsAt === undefined ? {} : { retryAt: limit.resetsAt * 1_000 }) };
  }
}

/** A status that blames the request itself. */
const isOfContent = (status: number | null | undefined): boolean =>
  typeof status === 'number' && status >= 400 && status < 500;

const nameOf = ({ rateLimitType }: LimitInfo): string =>
  rateLimitType === undefined ? '' : ` (${rateLimitType.replaceAll('_', ' ')})`;

const resetOf = ({ resetsAt }: LimitInfo): string =>
  resetsAt === undefined ? '' : ` It resets at ${new Date(resetsAt * 1_000).toISOString()}.`;
