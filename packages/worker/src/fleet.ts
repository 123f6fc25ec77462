import type { LeaseStore, WorkerRecord } from '@hearth/shared';

/** How old the list of workers may be, ms. */
const freshMs = 500;

/** What this worker knows of the others. Owns a short-lived copy of the worker records. */
export class Fleet {
  private known: { at: number; workers: Promise<WorkerRecord[]> } | undefined;

  constructor(
    private readonly leases: LeaseStore,
    private readonly self: () => string,
  ) {}

  /** Whether a live worker other than this one has the profile; `healthy`: and its agents start. */
  async othersHave(profile: string, which: 'any' | 'healthy'): Promise<boolean> {
    const workers = await this.workers();
    return workers.some((worker) => {
      if (worker.workerId === this.self() || worker.state !== 'serving') return false;
      const health = worker.profiles[profile];
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
