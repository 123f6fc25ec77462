/** How many doorbells are remembered. */
const rememberedAtMost = 10_000;

/** Knows since when this worker has seen doorbells whose profile no worker has. */
export class MissingProfiles {
  /** Job id → `performance.now()`, ms. */
  private readonly since = new Map<string, number>();

  /** How long ago the doorbell was seen first, ms. The first call starts the time. */
  sinceMs(jobId: string): number {
    const now = performance.now();
    const since = this.since.get(jobId);
    if (since !== undefined) return now - since;
    const [oldest] = this.since.size < rememberedAtMost ? [] : this.since.keys();
    if (oldest !== undefined) this.since.delete(oldest);
    this.since.set(jobId, now);
    return 0;
  }

  forget(jobId: string): void {
    this.since.delete(jobId);
  }
}
