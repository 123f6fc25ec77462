import { hostname } from 'node:os';
import type { Profiles, WorkerRecord } from '@hearth/shared';
import { launchDigest } from '@hearth/shared/internal';
import type { HomeWatch } from '../pool/home-watch.js';
import type { MemoryBudget } from '../pool/memory-budget.js';
import type { SparePool } from '../pool/spare-pool.js';
import type { SessionRegistry } from '../session/session-registry.js';
import { version } from '../version.js';

export interface WorkerStatusDeps {
  workerId: string;
  slots: number;
  profiles: Profiles;
  /** Profile name → pool. Profiles can share one. */
  pools: ReadonlyMap<string, SparePool>;
  registry: SessionRegistry;
  budget: MemoryBudget;
  home: Pick<HomeWatch, 'isReady'>;
}

/** Makes the worker record that the lease publishes. Owns the worker's number, and whether it drains. */
export class WorkerStatus {
  private readonly startedAt = Date.now();
  private number = 0;
  private isDraining = false;

  constructor(private readonly deps: WorkerStatusDeps) {}

  /** The worker got its number. */
  serves(workerNumber: number): void {
    this.number = workerNumber;
  }

  /** The worker began to drain. */
  drains(): void {
    this.isDraining = true;
  }

  record(): WorkerRecord {
    const { workerId, slots, pools, registry, budget } = this.deps;
    const profiles: Record<string, string> = {};
    const launches: WorkerRecord['launches'] = {};
    let spare = 0;
    for (const pool of new Set(pools.values())) spare += pool.readyCount;
    for (const [name, pool] of pools) profiles[name] = pool.failure?.code ?? 'ok';
    for (const [name, profile] of Object.entries(this.deps.profiles)) launches[name] = launchDigest(profile);
    return {
      workerId,
      workerNumber: this.number,
      host: hostname(),
      pid: process.pid,
      version,
      startedAt: this.startedAt,
      state: this.isDraining ? 'draining' : this.deps.home.isReady ? 'serving' : 'not_ready',
      slots: { total: slots, spare, ...registry.counts() },
      profiles,
      launches,
      agents: registry.agents((pid) => budget.of(pid)),
    };
  }
}
