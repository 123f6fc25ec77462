import type { Agent } from '../agent/driver.js';
import type { SparePool } from './spare-pool.js';

/** The right of one session to one agent on this worker. A spare promised with it is used, or given back. */
export interface Slot {
  readonly profile: string;
  spare: Agent | undefined;
}

/** A session that could give its slot up. */
interface Evictable {
  /** performance.now() of when it became idle. */
  readonly idleSince: number;
  /** Ends its agent and releases it; false when it became busy meanwhile. */
  evict(): Promise<boolean>;
}

export interface SlotsDeps {
  total: number;
  pools: ReadonlyMap<string, SparePool>;
  idleSessions: () => readonly Evictable[];
  /** Whether one more agent fits into the machine's memory. */
  fits: () => boolean;
}

/**
 * The worker's slots: room for so many agents, shared by spares, busy and idle sessions. Owns who holds one, and who waits for one.
 *
 * A1 held + spares never exceeds the total.
 * A2 A busy session never loses its slot; spares give way before idle sessions do.
 * A3 A slot that was freed for a session is not given to a new spare.
 * A4 No agent is started that would not fit into the machine's memory: what makes room for it goes first.
 */
export class Slots {
  private readonly held = new Set<Slot>();
  private waiting = 0;

  constructor(private readonly deps: SlotsDeps) {}

  get total(): number {
    return this.deps.total;
  }
  get heldCount(): number {
    return this.held.size;
  }
  /** Agents there are, or are to be: one for each slot, and the spares. */
  get agents(): number {
    return this.held.size + this.spares;
  }
  /** Spares that were promised with a slot and are not bound yet. */
  get promised(): readonly Agent[] {
    return [...this.held].flatMap(({ spare }) => spare ?? []);
  }
  /** Slots that nobody has and nobody waits for: room for new spares. */
  get free(): number {
    return this.unheld - this.waiting;
  }
  private get unheld(): number {
    const unheld = this.deps.total - this.held.size - this.spares;
    return unheld > 0 && !this.deps.fits() ? 0 : unheld;
  }
  private get spares(): number {
    let spares = 0;
    for (const pool of this.pools) spares += pool.occupied;
    return spares;
  }
  /** Each once: profiles can share one. */
  private get pools(): ReadonlySet<SparePool> {
    return new Set(this.deps.pools.values());
  }

  /** How a new session would get a slot: at once, only by evicting an idle session, or not at all. */
  outlook(): 'free' | 'evictable' | 'full' {
    if (this.unheld > 0) return 'free';
    for (const pool of this.pools) if (pool.readyCount > 0) return 'free';
    return this.deps.idleSessions().length > 0 ? 'evictable' : 'full';
  }

  /** A slot for a session of this profile, with a spare if there is one; undefined when all are busy. */
  async admit(profile: string): Promise<Slot | undefined> {
    this.waiting += 1;
    try {
      return await this.findPlace(profile);
    } finally {
      this.waiting -= 1;
      this.fill();
    }
  }

  private async findPlace(profile: string): Promise<Slot | undefined> {
    for (;;) {
      const spare = this.deps.pools.get(profile)?.tryTake();
      if (spare !== undefined || this.unheld > 0) return this.hold(profile, spare);
      // Sooner there than another would be in the place of a session that had to go for it.
      if (await this.deps.pools.get(profile)?.startFinished()) continue;
      if (await this.dropSpare()) continue;
      const idle = [...this.deps.idleSessions()].sort((a, b) => a.idleSince - b.idleSince);
      let evicted = false;
      for (const session of idle) {
        evicted = await session.evict();
        if (evicted) break;
      }
      if (!evicted && this.unheld <= 0) return undefined;
    }
  }

  /** Gives a slot back, and an unused spare to its pool. */
  leave(slot: Slot): void {
    if (!this.held.delete(slot)) return;
    if (slot.spare !== undefined) this.deps.pools.get(slot.profile)?.giveBack(slot.spare);
    slot.spare = undefined;
    this.fill();
  }

  private hold(profile: string, spare: Agent | undefined): Slot {
    const slot: Slot = { profile, spare };
    this.held.add(slot);
    return slot;
  }

  /** Has spares started as far as there is room. */
  fill(): void {
    for (const pool of this.pools) pool.fill();
  }

  private async dropSpare(): Promise<boolean> {
    for (const pool of this.pools) if (await pool.dropOne()) return true;
    return false;
  }
}
