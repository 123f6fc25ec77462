import { randomUUID } from 'node:crypto';
import type { Line, Output } from './output.js';
import { textField } from './text-field.js';

/** The outcome of a request to the host. */
export type Reply =
  | { kind: 'success'; response: Line }
  | { kind: 'error'; error: string }
  | { kind: 'cancelled' }
  | { kind: 'timed_out' }
  /** stdin has ended, so no answer comes. */
  | { kind: 'input_ended' };

/** An answer to a request of the host. A response of `undefined` is a success without content. */
export type Response = { response?: Line | undefined } | { error: string; errorCode?: string };

/** The control protocol in both directions on one pair of pipes. Owns the requests that wait for the host. */
export class Control {
  private readonly pending = new Map<string, (reply: Reply) => void>();
  private hasInputEnded = false;
  private isDeaf = false;

  constructor(private readonly output: Output) {}

  /** Asks the host. Withdraws the request when the turn is interrupted meanwhile. */
  async ask(request: Line, signal: AbortSignal, timeoutMs?: number): Promise<Reply> {
    if (this.hasInputEnded) return { kind: 'input_ended' };
    if (signal.aborted) return { kind: 'cancelled' };
    const requestId = randomUUID();
    this.output.line({ type: 'control_request', request_id: requestId, request });
    return new Promise((resolve) => {
      const settle = (reply: Reply): void => {
        this.pending.delete(requestId);
        clearTimeout(timer);
        signal.removeEventListener('abort', cancel);
        resolve(reply);
      };
      const cancel = (): void => {
        this.output.line({ type: 'control_cancel_request', request_id: requestId });
        settle({ kind: 'cancelled' });
      };
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => settle({ kind: 'timed_out' }), timeoutMs);
      this.pending.set(requestId, settle);
      signal.addEventListener('abort', cancel);
    });
  }

  /** Handles a `control_response` of the host. */
  answered(line: Line): void {
    const response = (line['response'] ?? {}) as Line;
    const settle = this.pending.get(textField(response, 'request_id'));
    if (response['subtype'] === 'success')
      settle?.({ kind: 'success', response: (response['response'] ?? {}) as Line });
    else settle?.({ kind: 'error', error: textField(response, 'error') });
  }

  answer(requestId: string, answer: Response): void {
    if (this.isDeaf) return;
    const response =
      'error' in answer
        ? { subtype: 'error', request_id: requestId, error: answer.error, error_code: answer.errorCode }
        : { subtype: 'success', request_id: requestId, response: answer.response };
    this.output.line({ type: 'control_response', response });
  }

  inputEnded(): void {
    this.hasInputEnded = true;
    for (const settle of this.pending.values()) settle({ kind: 'input_ended' });
  }

  /** Hazard: answers no request from now on. */
  goDeaf(): void {
    this.isDeaf = true;
  }
}
