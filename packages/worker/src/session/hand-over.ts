import {
  formatRing,
  type Logger,
  type Ring,
  type Ringer,
  ringAgain,
  type SessionStore,
  SessionWriter,
} from '@hearth/shared/internal';
import type { SessionRegistry } from './session-registry.js';

export interface HandOverDeps {
  workerId: string;
  workerNumber: number;
  store: SessionStore;
  ringer: Ringer;
  registry: SessionRegistry;
  log: Logger;
}

/** Releases locks of sessions, and rings turns where they belong. Owns nothing. */
export class HandOver {
  constructor(private readonly deps: HandOverDeps) {}

  /**
   * Releases a session's lock and rings the turns left in its log to the intake queue. The session's agent has ended before.
   *
   * @returns the seqs of the turns left; empty when the session was lost
   */
  async release(writer: SessionWriter): Promise<number[]> {
    const released = await writer.release('drain');
    if (released.kind !== 'ok') return [];
    const { sessionId } = writer;
    const turnsLeft = released.left.length;
    this.deps.log.info({ event: 'session.handed_over', sessionId, turnsLeft }, 'session handed over');
    for (const { seq, ring } of released.left) await this.ringAgain(sessionId, seq, ring, 'intake');
    return released.left.map(({ seq }) => seq);
  }

  /** Releases a lock that names this worker although no actor here serves the session: a write failed, or the claim's reply was lost. */
  async releaseLock(sessionId: string): Promise<void> {
    const { registry } = this.deps;
    await registry.exclusively(sessionId, async () => {
      if (registry.find(sessionId) === undefined) await this.releaseLockWithinClaim(sessionId);
    });
  }

  /** {@link releaseLock} for a caller that holds the session's exclusive section already. */
  async releaseLockWithinClaim(sessionId: string): Promise<void> {
    const { store, workerId, workerNumber } = this.deps;
    const outcome = await store.claim(sessionId, 0, { workerId, workerNumber });
    if (outcome.kind === 'mine') await this.release(new SessionWriter(store, sessionId, outcome.claim));
  }

  /** Rings a turn again. False when its last ring is not `seen` any more, or the turn has left the log. */
  async ringAgain(sessionId: string, seq: number, seen: Ring, queue: Ring['queue']): Promise<boolean> {
    const ring = await ringAgain(this.deps, sessionId, seq, seen, queue);
    if (ring === undefined) return false;
    const rings = { ring: formatRing(ring), before: formatRing(seen) };
    this.deps.log.info({ event: 'turn.rung_again', sessionId, seq, ...rings }, 'turn rung again');
    return true;
  }
}
