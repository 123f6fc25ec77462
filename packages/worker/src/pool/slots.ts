import type { Agent } from '../agent/driver.js';
import type { SessionRegistry } from '../session/session-registry.js';
import type { Occupancy, Slot } from './occupancy.js';
import type { SparePool } from './spare-pool.js';

export interface SlotsDeps {
  occupancy: Occupancy;
  /** Profile name → pool. Profiles can share one. */
  pools: ReadonlyMap<string, SparePool>;
  registry: SessionRegistry;
}

/**
 * Gives sessions their slots, and makes room for them.
 *
 * A2 A busy session never loses its slot. Spares make room before idle sessions do.
 * A3 A slot that was freed for a session is not given to a new spare.
 * A4 No agent is started that would not fit into the machine's memory. Room for it is made first.
 */
export class Slots {
  private readonly pools: ReadonlySet<SparePool>;

  constructor(private readonly deps: SlotsDeps) {
    this.pools = new Set(deps.pools.values());
  }

  /** How a new session would get a slot: at once, only by evicting an idle session, or not at all. */
  outlook(): 'free' | 'evictable' | 'full' {
    if (!this.deps.occupancy.isReady) return 'full';
    if (this.deps.occupancy.unheld > 0) return 'free';
    for (const pool of this.pools) if (pool.readyCount > 0) return 'free';
    return this.deps.registry.idle().length > 0 ? 'evictable' : 'full';
  }

  /** Acquires a slot for a session of this profile, with a spare if there is one. Undefined when all sessions are busy, or the worker is not ready. */
  async acquire(profile: string): Promise<Slot | undefined> {
    try {
      return await this.deps.occupancy.whileWaiting(() => this.findSlot(profile));
    } finally {
      this.fill();
    }
  }

  /** Releases a slot, and gives an unused spare back to its pool. Releasing twice is the same as once. */
  release(slot: Slot): void {
    if (!this.deps.occupancy.release(slot)) return;
    if (slot.spare !== undefined) this.deps.pools.get(slot.profile)?.giveBack(slot.spare);
    slot.spare = undefined;
    this.fill();
  }

  /** Has the pools start spares as far as there is room. */
  fill(): void {
    for (const pool of this.pools) pool.fill();
  }

  private async findSlot(profile: string): Promise<Slot | undefined> {
    const { occupancy, pools } = this.deps;
    for (;;) {
      if (!occupancy.isReady) return undefined;
      const spare = pools.get(profile)?.tryTake();
      if (spare !== undefined || occupancy.unheld > 0) return this.hold(profile, spare);
      // A start under way is sooner ready than another agent in the slot of an evicted session.
      if (await pools.get(profile)?.startFinished()) continue;
      if (await this.dropSpare()) continue;
      if (!(await this.evictOne()) && occupancy.unheld <= 0) return undefined;
    }
  }

  private hold(profile: string, spare: Agent | undefined): Slot {
    const slot: Slot = { profile, spare };
    this.deps.occupancy.hold(slot);
    return slot;
  }

  private async evictOne(): Promise<boolean> {
    for (const session of this.deps.registry.idle()) if (await session.evict()) return true;
    return false;
  }

  private async dropSpare(): Promise<boolean> {
    for (const pool of this.pools) if (await pool.dropOne()) return true;
    return false;
  }
}
