import type { WorkerRecord } from '@hearth/shared';
import type { LeaseStore } from '@hearth/shared/internal';

/** How old the list of workers may be, ms. */
const freshMs = 500;

/** What this worker knows of the other workers. Owns a short-lived copy of their records. */
export class Fleet {
  private known: { at: number; workers: Promise<WorkerRecord[]> } | undefined;

  constructor(
    private readonly leases: LeaseStore,
    private readonly workerId: string,
  ) {}

  /** Whether another live worker has the profile. `healthy`: and its agents start. */
  async othersHave(profile: string, which: 'any' | 'healthy'): Promise<boolean> {
    const workers = await this.workers();
    return workers.some(({ workerId, state, profiles }) => {
      if (workerId === this.workerId || state !== 'serving') return false;
      const health = profiles[profile];
      return which === 'healthy' ? health === 'ok' : health !== undefined;
    });
  }

  private async workers(): Promise<WorkerRecord[]> {
    if (this.known === undefined || performance.now() - this.known.at > freshMs) {
      this.known = { at: performance.now(), workers: this.leases.workers() };
    }
    return this.known.workers;
  }
}
