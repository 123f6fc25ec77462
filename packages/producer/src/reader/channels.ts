import { type Keys, type NumberedEvent, parsePublished } from '@hearth/shared/internal';
import type { Redis } from 'ioredis';

/** A channel without readers stays subscribed for so long, because the session's next prompt may need it, ms. */
const lingerMs = 30_000;

export interface ChannelListener {
  onEvents(incarnation: string, events: readonly NumberedEvent[]): void;
  /** The channel was (re)subscribed. Earlier messages may be missed. */
  onSubscribed(): void;
  /** The connection is closed for good. */
  onClosed(): void;
}

interface Channel {
  presence: string;
  listeners: Set<ChannelListener>;
  subscribed: Promise<unknown>;
  linger: NodeJS.Timeout | undefined;
}

/**
 * The subscriptions of one process: each channel once, for all its readers. Owns the subscriber connection's channels.
 * ioredis' own resubscription is off, because readers must be told after it, never before.
 * A session's presence channel is subscribed exactly while it has readers here, because workers count its subscribers.
 */
export class Channels {
  private readonly channels = new Map<string, Channel>();
  private isClosed = false;

  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
  ) {
    redis.on('message', (name: string, message: string) => this.dispatch(name, message));
    redis.on('ready', () => void this.resubscribe());
  }

  /** Subscribes a session's channel ahead of its first reader. */
  warm(sessionId: string): void {
    if (this.isClosed) return;
    this.lingerIfUnread(this.keys.session(sessionId).channel, this.open(sessionId));
  }

  listen(sessionId: string, listener: ChannelListener): () => void {
    if (this.isClosed) {
      listener.onClosed();
      return () => undefined;
    }
    const name = this.keys.session(sessionId).channel;
    // The presence channel first, so that a reader is counted before it gets any event.
    if (!this.isRead(name)) this.redis.subscribe(this.keys.session(sessionId).presence).catch(() => undefined);
    const channel = this.open(sessionId);
    clearTimeout(channel.linger);
    channel.listeners.add(listener);
    void channel.subscribed.then(
      () => listener.onSubscribed(),
      () => undefined,
    );
    return () => {
      channel.listeners.delete(listener);
      if (channel.listeners.size === 0) this.redis.unsubscribe(channel.presence).catch(() => undefined);
      this.lingerIfUnread(name, channel);
    };
  }

  close(): void {
    this.isClosed = true;
    for (const { linger, listeners } of this.channels.values()) {
      clearTimeout(linger);
      for (const listener of listeners) listener.onClosed();
    }
    this.channels.clear();
  }

  private isRead(name: string): boolean {
    return (this.channels.get(name)?.listeners.size ?? 0) > 0;
  }

  private open(sessionId: string): Channel {
    const name = this.keys.session(sessionId).channel;
    let channel = this.channels.get(name);
    if (channel === undefined) {
      // While the connection is away the command fails or waits. `ready` subscribes again.
      const subscribed = this.redis.subscribe(name).catch(() => undefined);
      channel = {
        presence: this.keys.session(sessionId).presence,
        listeners: new Set(),
        subscribed,
        linger: undefined,
      };
      this.channels.set(name, channel);
    }
    return channel;
  }

  private lingerIfUnread(name: string, channel: Channel): void {
    if (channel.listeners.size > 0) return;
    clearTimeout(channel.linger);
    channel.linger = setTimeout(() => {
      this.channels.delete(name);
      this.redis.unsubscribe(name).catch(() => undefined);
    }, lingerMs);
    // The timer must not keep the process alive. The subscription ends with the connection.
    channel.linger.unref();
  }

  private async resubscribe(): Promise<void> {
    const names = [...this.channels].flatMap(([name, { presence, listeners }]) =>
      listeners.size > 0 ? [presence, name] : [name],
    );
    if (names.length === 0) return;
    await this.redis.subscribe(...names).catch(() => undefined);
    for (const channel of this.channels.values()) for (const listener of channel.listeners) listener.onSubscribed();
  }

  private dispatch(name: string, message: string): void {
    const channel = this.channels.get(name);
    if (channel === undefined || channel.listeners.size === 0) return;
    const { incarnation, events } = parsePublished(message);
    for (const listener of channel.listeners) listener.onEvents(incarnation, events);
  }
}
