import type { Claim } from '@hearth/shared/internal';
import type { Slot } from '../pool/occupancy.js';
import { type ActorDeps, SessionActor } from './actor.js';

/** What becomes of sessions on this worker. A lost lease drops them. */
type Fate = 'serve' | 'hand_over' | 'drop';

/**
 * Opens the sessions this worker claims, and ends them all when the worker stops. Owns their fate.
 *
 * O1 A session whose claim was under way when the worker began to drain, or lost its lease, has the fate of all others.
 */
export class Sessions {
  private fate: Fate = 'serve';

  constructor(private readonly deps: ActorDeps) {}

  /** Starts the actor of a session that was just claimed. It releases the slot in the end. */
  open(sessionId: string, claim: Claim, slot: Slot): void {
    const { log } = this.deps;
    const actor = new SessionActor(sessionId, claim, slot, this.deps);
    log.info({ event: 'session.claimed', sessionId, fence: claim.fence }, 'session claimed');
    this.deps.registry.add(actor);
    if (this.fate === 'drop') void actor.drop();
    if (this.fate === 'hand_over') void actor.drain();
    actor.start();
  }

  /** Re-reads stored interrupts and permission answers, in case their pub/sub message was lost (P13). */
  async rereadControlRequests(): Promise<void> {
    await Promise.all(this.deps.registry.all().map((session) => session.rereadControlRequests()));
  }

  /**
   * Finishes running turns and hands every session over. Sessions not done by `deadline` are abandoned.
   *
   * @returns how many running turns were cut off
   */
  async drain(deadline: Promise<void>): Promise<{ abandoned: number }> {
    this.fate = 'hand_over';
    const sessions = this.deps.registry.all();
    const drained = Promise.all(sessions.map((session) => session.drain()));
    const isInTime = await Promise.race([drained.then(() => true), deadline.then(() => false)]);
    if (!isInTime) await Promise.all(this.deps.registry.all().map((session) => session.abandon()));
    const ends = await drained;
    return { abandoned: ends.filter(({ cutOff }) => cutOff).length };
  }

  /** Ends everything without a write, because the lease is lost. */
  async drop(): Promise<void> {
    this.fate = 'drop';
    await Promise.all(this.deps.registry.all().map((session) => session.drop()));
  }
}
