import type { Logger } from '@hearth/shared';

/** Does some work again and again, one round after the other. Owns the timer between rounds. */
export class Rounds {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly options: { everyMs: number; name: string; log: Logger },
    private readonly work: () => Promise<void>,
  ) {}

  start(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.running = this.work()
        .catch((error: unknown) => this.options.log.warn({ err: error }, `${this.options.name} failed`))
        .finally(() => this.start());
    }, this.options.everyMs);
  }

  /** Resolves when the round that runs is over. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  get isStopped(): boolean {
    return this.stopped;
  }
}
