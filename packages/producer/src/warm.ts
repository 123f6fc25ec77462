import { fromErrorBody, HearthError, parseCursor, type Warmth } from '@hearth/shared';
import { newRingId, type Ring, warmDoorbell } from '@hearth/shared/internal';
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
  const { controls, ringer, leases } = connection;
  const { incarnation, cursor, owner, ...opened } = await controls.open(sessionId, profile);
  connection.channels.warm(sessionId);
  let rungAt: Ring['queue'] | undefined;
  /** Nobody reads the queue of an owner that is dead, and no sweep looks after a session without a turn. */
  const ring = async (): Promise<void> => {
    const queue = owner !== undefined && (await leases.lives(owner)) ? opened.queue : 'intake';
    if (queue === rungAt) return;
    await ringer.ring({ queue, jobId: newRingId() }, warmDoorbell(sessionId, opened.profile));
    rungAt = queue;
  };
  const reader = new EventReader(connection, sessionId, { incarnation, id: cursor }, async () => {
    // When Redis is away, the next silence rings.
    await ring().catch(() => undefined);
    return false;
  });
  const timer = setTimeout(() => reader.close(), deadlineMs);
  try {
    await ring();
    for await (const event of reader) {
      if (event.type === 'session.warmed') return { workerId: event.workerId, pid: event.pid, warmth: event.warmth };
      if (event.type === 'session.warm_failed') throw fromErrorBody(event.error);
      if (event.type === 'session.closed' || parseCursor(event.id).incarnation !== incarnation) throw closed(sessionId);
    }
  } finally {
    clearTimeout(timer);
    reader.close();
  }
  throw new HearthError('owner_unreachable', `No worker has an agent for session ${sessionId} yet.`, {
    wayOut: 'It is warmed as soon as a worker has a free slot for it; or start more workers.',
  });
}

const closed = (sessionId: string): HearthError =>
  new HearthError('session_closing', `Session ${sessionId} was closed while it was to be warmed.`, {
    wayOut: 'Warm it again: that opens a new session under the same name.',
  });
