import type { HearthEvent } from '@hearth/shared';
import type { AgentEvent } from '../agent/driver.js';

type Notice = Extract<AgentEvent, { kind: 'notice' }>;

/** The event for a notice of the agent. It belongs to the running turn, or to the session when no turn runs. */
export function noticeEvent({ code, message }: Notice, seq: number | undefined): HearthEvent {
  return seq === undefined ? { type: 'session.notice', code, message } : { type: 'notice', seq, code, message };
}
