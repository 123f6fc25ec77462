import { turnDoorbell } from '../schema/doorbell.js';
import { newRingId, type Ring } from '../store/ring.js';
import type { SessionStore } from '../store/session-store.js';
import type { Ringer } from './ringer.js';

/**
 * Rings a turn again: records the new ring, then adds its doorbell. A doorbell that is lost in between is rung by a sweep.
 * Returns the new ring. Undefined: the turn has left the log, or its last ring is not `seen` any more.
 */
export async function ringAgain(
  { store, ringer }: { store: SessionStore; ringer: Ringer },
  sessionId: string,
  seq: number,
  seen: Ring,
  queue: Ring['queue'],
): Promise<Ring | undefined> {
  const next: Ring = { queue, jobId: newRingId() };
  const turn = await store.ring(sessionId, seq, seen, next);
  if (turn === undefined) return undefined;
  await ringer.ring(next, turnDoorbell({ sessionId, seq, ...turn }), turn.request.priority);
  return next;
}
