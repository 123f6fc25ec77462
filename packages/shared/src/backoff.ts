/** Exponential backoff with jitter. It resets only after a success that lasts, because a start may succeed and fail right after. */
export class Backoff {
  private failures = 0;
  private heldSince: number | undefined;

  constructor(private readonly bounds: { firstMs: number; atMostMs: number; holdMs: number }) {}

  /** Consecutive failures. */
  get count(): number {
    return this.failures;
  }

  /** Records a failure. Returns the ms to wait before the next try. */
  failed(): number {
    if (this.heldSince !== undefined && performance.now() - this.heldSince >= this.bounds.holdMs) this.failures = 0;
    this.heldSince = undefined;
    const ceiling = Math.min(this.bounds.firstMs * 2 ** this.failures, this.bounds.atMostMs);
    this.failures += 1;
    return ceiling / 2 + (Math.random() * ceiling) / 2;
  }

  /** Records a success. */
  succeeded(): void {
    this.heldSince ??= performance.now();
  }
}
