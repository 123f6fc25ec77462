import { fromErrorBody, HearthError, parseCursor, type Warmth } from '@hearth/shared';
import { newRingId, type Ring, warmDoorbell } from '@hearth/shared/internal';
import type { Connection } from './connection.js';
import { EventReader } from './reader/event-reader.js';

export interface WarmOptions {
  /** The profile of a new session. */
  profile?: string | undefined;
  /** How long to wait for the agent, ms. @defaultValue 30,000 */
  deadlineMs?: number | undefined;
}

/** The agent that waits for the session's next prompt. */
export interface Warmed {
  workerId: string;
  pid: number;
  warmth: Warmth;
}

/** As long as an agent may take to start by default, ms. */
const defaultDeadlineMs = 30_000;

/** Rings a doorbell without a turn, and waits until the agent is ready. @throws HearthError */
export async function warm(
  connection: Connection,
  sessionId: string,
  { profile, deadlineMs = defaultDeadlineMs }: WarmOptions,
): Promise<Warmed> {
  const { lifecycle, ringer, leases } = connection;
  const { incarnation, cursor, owner, ...opened } = await lifecycle.open(sessionId, profile);
  connection.channels.warm(sessionId);
  let rungAt: Ring['queue'] | undefined;
  /** Rings in intake when the owner is dead, because no worker reads its queue, and no sweep rings doorbells without a turn. */
  const ring = async (): Promise<void> => {
    const queue = owner !== undefined && (await leases.lives(owner)) ? opened.queue : 'intake';
    if (queue === rungAt) return;
    await ringer.ring({ queue, jobId: newRingId() }, warmDoorbell(sessionId, opened.profile));
    rungAt = queue;
  };
  const reader = new EventReader(connection, sessionId, { incarnation, id: cursor }, async () => {
    // While Redis is away, the next silence rings.
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
    wayOut: 'A worker warms it as soon as it has a free slot; or start more workers.',
  });
}

const closed = (sessionId: string): HearthError =>
  new HearthError('session_closing', `Session ${sessionId} was closed while it was to be warmed.`, {
    wayOut: 'Warm it again. That opens a new session under the same name.',
  });
