/**
 * Exponential backoff with jitter. It resets only after something held for a while: a start that succeeds and dies at
 * once must not be repeated for ever at full speed.
 */
export class Backoff {
  private failures = 0;
  private heldSince: number | undefined;

  constructor(private readonly bounds: { firstMs: number; atMostMs: number; holdMs: number }) {}

  /** Failures in a row. */
  get count(): number {
    return this.failures;
  }

  /** Notes a failure; ms to wait before the next try. */
  failed(): number {
    if (this.heldSince !== undefined && performance.now() - this.heldSince >= this.bounds.holdMs) this.failures = 0;
    this.heldSince = undefined;
    const ceiling = Math.min(this.bounds.firstMs * 2 ** this.failures, this.bounds.atMostMs);
    this.failures += 1;
    return ceiling / 2 + (Math.random() * ceiling) / 2;
  }

  /** Notes a success. */
  succeeded(): void {
    this.heldSince ??= performance.now();
  }
}
