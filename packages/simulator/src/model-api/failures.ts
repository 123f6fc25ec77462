import { createHash } from 'node:crypto';
import type { Conversation } from './conversation.js';
import type { ModelRequest } from './request.js';

/** Anthropic's error types by HTTP status. Source: API reference, "Errors". */
export const errorTypes: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  529: 'overloaded_error',
};

export function errorBody(status: number, message: string): object {
  return { type: 'error', error: { type: errorTypes[status] ?? 'api_error', message }, request_id: 'req_simulated' };
}

/** How many conversations are remembered. Older ones start counting again. */
const remembered = 10_000;

/** Counts how often a scripted failure has struck one prompt of one conversation, for `times=`. */
export class FailureCounter {
  private readonly struck = new Map<string, number>();

  /** Whether the failure strikes once more. */
  strikes(kind: string, request: ModelRequest, conversation: Conversation, times: number): boolean {
    const key = createHash('sha1')
      .update(JSON.stringify([kind, request.metadata?.user_id, conversation.said, conversation.toolRounds]))
      .digest('hex');
    const before = this.struck.get(key) ?? 0;
    if (before >= times) return false;
    this.struck.set(key, before + 1);
    const oldest = this.struck.keys().next();
    if (this.struck.size > remembered && !oldest.done) this.struck.delete(oldest.value);
    return true;
  }
}
