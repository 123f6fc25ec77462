import type { HearthEvent } from '@hearth/shared';
import type { AgentEvent } from '../agent/driver.js';
import type { RunningTurn } from './running-turn.js';

type Noticed = Extract<AgentEvent, { kind: 'notice' }>;

/** The event for a notice of the agent. It belongs to the running turn, or to the session when no turn runs. */
export function noticeEvent({ code, message }: Noticed, running: RunningTurn | undefined): HearthEvent {
  if (running === undefined) return { type: 'session.notice', code, message };
  running.noteNotice({ code, message });
  return { type: 'notice', seq: running.seq, code, message };
}
