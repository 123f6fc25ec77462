import type { Logger } from '@hearth/shared/internal';
import { treeMemory } from '../processes/memory.js';
import type { Round } from '../rounds.js';
import { megabyte } from '../session/limits.js';
import type { SessionRegistry } from '../session/session-registry.js';
import type { MemoryBudget } from './memory-budget.js';
import type { Occupancy } from './occupancy.js';
import type { Slots } from './slots.js';
import type { SparePool } from './spare-pool.js';

export interface MemoryWatchDeps {
  budget: MemoryBudget;
  occupancy: Occupancy;
  slots: Slots;
  pools: ReadonlySet<SparePool>;
  registry: SessionRegistry;
  agentHardMemoryMb: number;
  log: Logger;
}

/** Measures all agents of the worker, and acts on those that have grown too much. */
export class MemoryWatch implements Round {
  readonly name = 'memory_watch';
  /** An agent that grows by 60 MB/s (a reported hazard) grows by 120 MB between two measurements. */
  readonly everyMs = 2_000;

  constructor(private readonly deps: MemoryWatchDeps) {}

  async run(): Promise<void> {
    const { budget, occupancy, slots, registry } = this.deps;
    const trees = await treeMemory(occupancy.pids);
    budget.record(trees);
    for (const session of registry.all()) {
      const bytes = trees.get(session.presentAgent?.pid ?? -1);
      if (bytes !== undefined) session.limitMemory(bytes);
    }
    for (const [pid, bytes] of trees) this.checkSpare(pid, bytes);
    if (budget.isShort && occupancy.fits) slots.fill();
  }

  private checkSpare(pid: number, bytes: number): void {
    const { pools, agentHardMemoryMb, log } = this.deps;
    const megabytes = Math.round(bytes / megabyte);
    if (megabytes <= agentHardMemoryMb) return;
    if ([...pools].some((pool) => pool.dropGrown(pid)))
      log.error({ event: 'spare.memory_exceeded', pid, megabytes }, 'a spare exceeds its memory limit; replacing it');
  }
}
