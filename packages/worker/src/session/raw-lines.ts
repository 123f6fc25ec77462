import type { SessionStore } from '@hearth/shared/internal';
import { cutText } from '@hearth/shared/text';
import type { RawListener } from '../agent/driver.js';

/** Raw lines are published for so long after a watcher asked, ms. Watchers ask again in time. */
const watchedForMs = 15_000;
/** Raw lines are cut to so many characters before they are published. */
const lineAtMost = 100_000;

/** Publishes the raw lines of a session's agents while a caller watches. Owns the timer that ends it. */
export class RawLines {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly sessionId: string,
    private readonly store: SessionStore,
    private readonly agent: { watch(listener: RawListener | undefined): void },
  ) {}

  /** Publishes from now on, for a while. */
  watch(): void {
    const { redis, keys } = this.store;
    const channel = keys.session(this.sessionId).raw;
    clearTimeout(this.timer);
    this.agent.watch((way, line) => {
      redis.publish(channel, `${way} ${cutText(line, lineAtMost)}`).catch(() => undefined);
    });
    this.timer = setTimeout(() => this.agent.watch(undefined), watchedForMs);
    this.timer.unref();
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
