import { randomUUID } from 'node:crypto';
import { HearthError } from '@hearth/shared';
import type { LineOf } from './wire.js';

interface Pending {
  resolve: (response: unknown) => void;
  reject: (error: HearthError) => void;
  timer: NodeJS.Timeout;
}

/** Control requests of the host to the CLI. Every one has a deadline: the channel can die for the process's life (a reported hazard). */
export class ControlChannel {
  private readonly pending = new Map<string, Pending>();
  private closedBy: HearthError | undefined;

  constructor(private readonly write: (line: unknown) => void) {}

  /** @throws HearthError `agent_protocol` when the answer is an error, `agent_start_timeout` when none comes in time */
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

  /** The process is gone: nobody will answer. */
  close(error: HearthError): void {
    this.closedBy = error;
    for (const pending of this.pending.values()) {
      clearTimeout(pending.timer);
      pending.reject(error);
    }
    this.pending.clear();
  }
}
