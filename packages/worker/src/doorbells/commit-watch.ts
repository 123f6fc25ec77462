import type { TurnResult } from '@hearth/shared';
import type { Keys, SessionStore } from '@hearth/shared/internal';
import type { Redis } from 'ioredis';

/** Turns are read again after this, in case a message was lost, ms. */
const lookAgainMs = 2_000;

/** `gone`: the turn does not exist any more. `stopped`: the watch was stopped before the commit. */
export type WatchEnd = { kind: 'committed'; result: TurnResult } | { kind: 'gone' } | { kind: 'stopped' };

interface Watched {
  sessionId: string;
  /** Seq → the waits for it. Two jobs can bring one turn. */
  waiting: Map<number, ((end: WatchEnd) => void)[]>;
  timer: NodeJS.Timeout;
}

/**
 * Waits for the commits of turns that any worker may serve. Owns a connection, and one subscription for each session with such a turn.
 */
export class CommitWatch {
  private readonly subscriber: Redis;
  private readonly watched = new Map<string, Watched>();
  private stopped = false;

  constructor(
    private readonly store: SessionStore,
    private readonly keys: Keys,
  ) {
    this.subscriber = store.redis.duplicate({ connectionName: 'hearth-commit-watch' });
    this.subscriber.on('error', () => undefined);
    this.subscriber.on('message', (channel: string, message: string) => this.onMessage(channel, message));
    // ioredis renews subscriptions. The next look finds a commit that was published in between.
  }

  async committed(sessionId: string, seq: number): Promise<WatchEnd> {
    if (this.stopped) return { kind: 'stopped' };
    const channel = this.keys.session(sessionId).ends;
    const end = new Promise<WatchEnd>((resolve) => {
      const { waiting } = this.watch(sessionId, channel);
      waiting.set(seq, [...(waiting.get(seq) ?? []), resolve]);
    });
    // The turn may have been committed before the subscription. If either call fails, the next look makes up for it.
    const listening = this.subscriber.subscribe(channel).then(() => this.look(channel));
    listening.catch(() => undefined);
    return end;
  }

  /** Ends all waits with `stopped`. */
  stop(): void {
    this.stopped = true;
    for (const { timer, waiting } of this.watched.values()) {
      clearInterval(timer);
      for (const resolve of [...waiting.values()].flat()) resolve({ kind: 'stopped' });
    }
    this.watched.clear();
    this.subscriber.disconnect();
  }

  private watch(sessionId: string, channel: string): Watched {
    let watched = this.watched.get(channel);
    if (watched === undefined) {
      const timer = setInterval(() => void this.look(channel).catch(() => undefined), lookAgainMs);
      watched = { sessionId, waiting: new Map(), timer };
      this.watched.set(channel, watched);
    }
    return watched;
  }

  private onMessage(channel: string, message: string): void {
    const watched = this.watched.get(channel);
    if (message === 'closed')
      for (const seq of watched?.waiting.keys() ?? []) this.resolve(channel, seq, { kind: 'gone' });
    else if (watched?.waiting.has(Number(message))) void this.look(channel).catch(() => undefined);
  }

  private async look(channel: string): Promise<void> {
    const watched = this.watched.get(channel);
    for (const seq of watched?.waiting.keys() ?? []) {
      const turn = await this.store.turn(watched?.sessionId ?? '', seq);
      if (turn === undefined) this.resolve(channel, seq, { kind: 'gone' });
      else if (turn.result !== undefined) this.resolve(channel, seq, { kind: 'committed', result: turn.result });
    }
  }

  private resolve(channel: string, seq: number, end: WatchEnd): void {
    const watched = this.watched.get(channel);
    const resolvers = watched?.waiting.get(seq);
    if (watched === undefined || resolvers === undefined) return;
    watched.waiting.delete(seq);
    for (const resolve of resolvers) resolve(end);
    if (watched.waiting.size > 0) return;
    clearInterval(watched.timer);
    this.watched.delete(channel);
    this.subscriber.unsubscribe(channel).catch(() => undefined);
  }
}
