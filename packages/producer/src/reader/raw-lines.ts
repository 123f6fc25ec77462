import { HearthError } from '@hearth/shared';
import type { Keys, SessionStore } from '@hearth/shared/internal';
import type { Redis } from 'ioredis';

/** A raw line: to (`in`) or from (`out`) a session's agent, or of its stderr (`err`). */
export interface RawLine {
  way: 'in' | 'out' | 'err';
  line: string;
}

/** How often the owner is asked again, ms. It publishes raw lines for 15 s after each call, and the owner can change. */
const askEveryMs = 3_000;
/** How many lines wait for a slow reader. The oldest are dropped first. */
const waitingAtMost = 10_000;

interface RawReader {
  onMessage(message: string): void;
  onClosed(): void;
}

/** The subscriptions to raw lines of one process: each session once. Owns those channels of the subscriber connection. */
export class RawLines {
  private readonly readers = new Map<string, Set<RawReader>>();

  constructor(private readonly deps: { redis: Redis; subscriber: Redis; keys: Keys; store: SessionStore }) {
    const { subscriber } = deps;
    subscriber.on('message', (name: string, message: string) => {
      for (const reader of this.readers.get(name) ?? []) reader.onMessage(message);
    });
    // Lines published while the connection was away are lost, because they are not stored.
    subscriber.on('ready', () => {
      for (const name of this.readers.keys()) subscriber.subscribe(name).catch(() => undefined);
    });
  }

  /** Iterates over the raw lines of a session's agent until `signal` aborts. Nothing is published without a watcher. @throws HearthError `closed` */
  async *of(sessionId: string, signal: AbortSignal): AsyncGenerator<RawLine> {
    const waiting: RawLine[] = [];
    let wake: () => void = () => undefined;
    let isClosed = false;
    const leave = this.join(this.deps.keys.session(sessionId).raw, {
      onMessage: (message) => {
        const space = message.indexOf(' ');
        waiting.push({ way: message.slice(0, space) as RawLine['way'], line: message.slice(space + 1) });
        if (waiting.length > waitingAtMost) waiting.shift();
        wake();
      },
      onClosed: () => {
        isClosed = true;
        wake();
      },
    });
    const onAbort = (): void => wake();
    signal.addEventListener('abort', onAbort);
    const timer = setInterval(() => void this.ask(sessionId).catch(() => undefined), askEveryMs);
    try {
      // A call that fails is repeated soon.
      await this.ask(sessionId).catch(() => undefined);
      while (!signal.aborted && !isClosed) {
        const next = waiting.shift();
        if (next !== undefined) yield next;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
      if (isClosed) throw new HearthError('closed', 'The producer was closed while the session was watched.');
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', onAbort);
      leave();
    }
  }

  close(): void {
    for (const readers of this.readers.values()) for (const reader of readers) reader.onClosed();
    this.readers.clear();
  }

  private join(name: string, reader: RawReader): () => void {
    const { subscriber } = this.deps;
    const readers = this.readers.get(name) ?? new Set();
    if (readers.size === 0) subscriber.subscribe(name).catch(() => undefined);
    this.readers.set(name, readers.add(reader));
    return () => {
      readers.delete(reader);
      if (readers.size > 0 || !this.readers.delete(name)) return;
      subscriber.unsubscribe(name).catch(() => undefined);
    };
  }

  /** Has the owner publish the raw lines for a while. */
  private async ask(sessionId: string): Promise<void> {
    const { redis, keys, store } = this.deps;
    const owner = (await store.session(sessionId))?.owner;
    if (owner !== undefined) await redis.publish(keys.wakePrefix + owner, `${sessionId} watch`);
  }
}
