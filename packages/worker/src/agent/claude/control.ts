import { randomUUID } from 'node:crypto';
import { HearthError } from '@hearth/shared';
import type { LineOf } from './wire.js';

interface Pending {
  resolve: (response: unknown) => void;
  reject: (error: HearthError) => void;
  timer: NodeJS.Timeout;
}

/** Control requests of Hearth to the CLI. Each has a deadline, because the channel can die while the process lives (a reported hazard). */
export class ControlChannel {
  private readonly pending = new Map<string, Pending>();
  private closedBy: HearthError | undefined;

  constructor(private readonly write: (line: unknown) => void) {}

  /** Sends a request and returns the answer. @throws HearthError `agent_protocol` for an error answer, `agent_start_timeout` for none in time */
  async ask(request: { subtype: string; [field: string]: unknown }, deadlineMs: number): Promise<unknown> {
    if (this.closedBy !== undefined) throw this.closedBy;
    const requestId = randomUUID();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.pending.delete(requestId);
        reject(
          new HearthError(
            'agent_start_timeout',
            `The agent did not answer ${request.subtype} within ${deadlineMs} ms.`,
          ),
        );
      }, deadlineMs);
      this.pending.set(requestId, { resolve, reject, timer });
      this.write({ type: 'control_request', request_id: requestId, request });
    });
  }

  answered({ response }: LineOf<'control_response'>): void {
    const pending = this.pending.get(response.request_id);
    if (pending === undefined) return;
    this.pending.delete(response.request_id);
    clearTimeout(pending.timer);
    if (response.subtype === 'success') pending.resolve(response.response);
    else pending.reject(new HearthError('agent_protocol', `The agent refused: ${response.error ?? 'no reason given'}`));
  }

  /** Rejects all requests, because the process is gone. */
  close(error: HearthError): void {
    this.closedBy = error;
    for (const pending of this.pending.values()) {
      clearTimeout(pending.timer);
      pending.reject(error);
    }
    this.pending.clear();
  }
}
