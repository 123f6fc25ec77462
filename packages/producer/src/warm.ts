import { fromErrorBody, HearthError, newRingId, type Warmth } from '@hearth/shared';
import type { Connection } from './connection.js';
import { EventReader } from './reader/event-reader.js';

export interface WarmOptions {
  /** The profile of a new session. */
  profile?: string | undefined;
  /** ms to wait for the agent. @defaultValue 30,000 */
  deadlineMs?: number | undefined;
}

/** The agent that waits for the session's next prompt. */
export interface Warmed {
  workerId: string;
  pid: number;
  warmth: Warmth;
}

/** As long as an agent may take to start, by default. */
const defaultDeadlineMs = 30_000;

/** Rings for a session without a turn, and waits until its agent is there. @throws HearthError */
export async function warm(
  connection: Connection,
  sessionId: string,
  { profile, deadlineMs = defaultDeadlineMs }: WarmOptions,
): Promise<Warmed> {
  const { wishes, ringer } = connection;
  const opened = await wishes.open(sessionId, profile);
  connection.channels.warm(sessionId);
  const ring = { seat: opened.seat, jobId: newRingId() };
  const reader = new EventReader(connection, sessionId, { incarnation: opened.incarnation, id: opened.cursor });
  const timer = setTimeout(() => reader.close(), deadlineMs);
  try {
    await ringer.ring(ring, { sessionId, turnId: 'warm', seq: 0, profile: opened.profile, preview: '' });
    for await (const event of reader) {
      if (event.type === 'session.warmed') return { workerId: event.workerId, pid: event.pid, warmth: event.warmth };
      if (event.type === 'session.warm_failed') throw fromErrorBody(event.error);
      if (event.type === 'session.closed') break;
    }
  } finally {
    clearTimeout(timer);
    reader.close();
  }
  throw new HearthError('owner_unreachable', `No worker has an agent for session ${sessionId} yet.`, {
    wayOut: 'It is warmed as soon as a worker has a place for it; or start more workers.',
  });
}
