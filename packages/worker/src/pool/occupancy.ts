import type { Agent } from '../agent/driver.js';
import type { SessionRegistry } from '../session/session-registry.js';
import type { HomeWatch } from './home-watch.js';
import type { MemoryBudget } from './memory-budget.js';

/** The right of one session to one agent on this worker. A spare promised with it is used, or given back. */
export interface Slot {
  readonly profile: string;
  spare: Agent | undefined;
}

/** What a pool takes of the worker's slots. */
export interface PoolOccupancy {
  /** Spares that are starting, ready or ending. */
  readonly occupied: number;
  readonly readyPids: readonly number[];
}

export interface OccupancyDeps {
  /** How many slots the worker has. */
  total: number;
  registry: SessionRegistry;
  budget: MemoryBudget;
  home: Pick<HomeWatch, 'isReady'>;
}

/**
 * Who takes the worker's slots: sessions hold them, pools register their spares. Owns both sets, and how many sessions wait.
 *
 * A1 held + spares never exceeds the total.
 */
export class Occupancy {
  private readonly held = new Set<Slot>();
  private readonly pools = new Set<PoolOccupancy>();
  private waiting = 0;

  constructor(private readonly deps: OccupancyDeps) {}

  /** Counts a pool's spares from now on. */
  register(pool: PoolOccupancy): void {
    this.pools.add(pool);
  }

  /** Agents that exist or will: one for each held slot, and the spares. */
  get agents(): number {
    return this.held.size + this.spares;
  }
  /** Pids of all agents: spares, spares promised with a slot, and sessions' agents. */
  get pids(): readonly number[] {
    const promised = [...this.held].flatMap(({ spare }) => spare?.pid ?? []);
    const spares = [...this.pools].flatMap(({ readyPids }) => readyPids);
    return [...spares, ...promised, ...this.deps.registry.all().flatMap(({ presentAgent }) => presentAgent?.pid ?? [])];
  }
  /** Whether one more agent fits into the machine's memory. */
  get fits(): boolean {
    return this.deps.budget.fits(this.agents, this.pids);
  }
  /** Slots without a session or a spare, as far as their agents fit into memory. */
  get unheld(): number {
    const unheld = this.deps.total - this.agents;
    return unheld > 0 && !this.fits ? 0 : unheld;
  }
  /** Whether new sessions and spares may have slots. */
  get isReady(): boolean {
    return this.deps.home.isReady;
  }
  /** Unheld slots that no session waits for: room for new spares. */
  get free(): number {
    return this.isReady ? this.unheld - this.waiting : 0;
  }

  hold(slot: Slot): void {
    this.held.add(slot);
  }
  /** False when the slot was released before. */
  release(slot: Slot): boolean {
    return this.held.delete(slot);
  }

  /** Runs `work` with one more session waiting, so that a slot freed for it goes to no spare. */
  async whileWaiting<T>(work: () => Promise<T>): Promise<T> {
    this.waiting += 1;
    try {
      return await work();
    } finally {
      this.waiting -= 1;
    }
  }

  private get spares(): number {
    let spares = 0;
    for (const { occupied } of this.pools) spares += occupied;
    return spares;
  }
}
