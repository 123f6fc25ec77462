import { HearthError, type TurnResult } from '@hearth/shared';
import { stoppedError, turnGone } from '@hearth/shared/internal';
import type { Connection } from './connection.js';
import { EventReader, streamEnd } from './reader/event-reader.js';

export interface InterruptOptions {
  /** The turn to stop. Default: the running one, or the next one. */
  turnId?: string | undefined;
  /** How long to wait for the end of the turn, ms. @defaultValue 15,000 */
  deadlineMs?: number | undefined;
}

/** The outcome of an interrupt. `ended`: the turn ended before it could be stopped. `idle`: there was no turn. */
export type Interruption = { kind: 'interrupted' | 'ended'; result: TurnResult } | { kind: 'idle' };

/** Longer than the escalation that ends an agent, and than the default TTL of a lease. */
const defaultDeadlineMs = 15_000;

/** Stores the interrupt, then waits for the turn to end. @throws HearthError `owner_unreachable` | `turn_gone` */
export async function interrupt(
  connection: Connection,
  sessionId: string,
  { turnId, deadlineMs = defaultDeadlineMs }: InterruptOptions,
): Promise<Interruption> {
  const { store, controls, lifecycle, ringer } = connection;
  const seq = turnId === undefined ? await store.firstInLog(sessionId) : await store.seqOf(sessionId, turnId);
  if (seq === undefined) {
    if (turnId === undefined) return { kind: 'idle' };
    throw turnGone(sessionId, turnId);
  }
  // Read before the request is stored, because the end of the turn comes after this cursor.
  const after = await streamEnd(connection, sessionId);
  const stored = await controls.interrupt(sessionId, seq);
  if (stored.kind === 'gone') {
    if (turnId === undefined) return { kind: 'idle' };
    throw turnGone(sessionId, turnId);
  }
  if (stored.kind === 'ended') return { kind: 'ended', result: stored.result };
  if (!stored.isBegun) {
    // No worker has begun it, so it can end without an owner.
    const withdrawal = await lifecycle.withdraw(sessionId, seq, stoppedError());
    if (withdrawal.kind === 'withdrawn') {
      for (const ring of withdrawal.rings) await ringer.remove(ring);
      return { kind: 'interrupted', result: withdrawal.result };
    }
    if (withdrawal.kind === 'committed') return endedWith(withdrawal.result);
  }
  const reader = new EventReader(connection, sessionId, after);
  const timer = setTimeout(() => reader.close(), deadlineMs);
  try {
    for await (const event of reader) {
      if (event.type === 'session.closed') break;
      const ended =
        event.type === 'turn.finished' || event.type === 'turn.failed'
          ? event.seq === seq && event.result
          : event.type === 'stream.expired' && (await store.turn(sessionId, seq))?.result;
      if (ended) return endedWith(ended);
    }
  } finally {
    clearTimeout(timer);
    reader.close();
  }
  throw new HearthError(
    'owner_unreachable',
    `Turn ${seq} of session ${sessionId} has not stopped within ${deadlineMs} ms.`,
    {
      wayOut: 'The request is kept. The turn stops when its owner, or the next one, reads it.',
    },
  );
}

function endedWith(result: TurnResult): Interruption {
  const isInterrupted = result.status === 'failed' && result.error.code === 'interrupted';
  return { kind: isInterrupted ? 'interrupted' : 'ended', result };
}
