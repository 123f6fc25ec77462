import { HearthError } from '@hearth/shared';
import {
  ControlRequests,
  checkRedis,
  connectFailingFast,
  connectWaiting,
  DelayedTurns,
  defaultStoreLimits,
  isRedisLost,
  Keys,
  LeaseStore,
  Ringer,
  SessionLifecycle,
  SessionStore,
} from '@hearth/shared/internal';
import type { Redis } from 'ioredis';
import { type ProducerOptions, type ResolvedProducerOptions, resolveProducerOptions } from './options.js';
import { Channels } from './reader/channels.js';
import { RawLines } from './reader/raw-lines.js';

type State = { kind: 'open' } | { kind: 'closed'; done: Promise<void> };

/** A producer's access to Redis. Owns two connections: one fails fast and carries commands, one waits and carries events. */
export class Connection {
  readonly options: ResolvedProducerOptions;
  readonly keys: Keys;
  readonly redis: Redis;
  readonly subscriber: Redis;
  readonly store: SessionStore;
  readonly lifecycle: SessionLifecycle;
  readonly controls: ControlRequests;
  readonly leases: LeaseStore;
  readonly ringer: Ringer;
  readonly delayed: DelayedTurns;
  readonly channels: Channels;
  readonly rawLines: RawLines;
  private ready: Promise<void> | undefined;
  private returning: Promise<void> | undefined;
  private state: State = { kind: 'open' };

  /** @throws HearthError `invalid_options` */
  constructor(options: ProducerOptions) {
    this.options = resolveProducerOptions(options);
    this.keys = new Keys(this.options);
    this.redis = connectFailingFast(this.options.redisUrl, 'hearth-producer', this.options.connectTimeoutMs);
    this.subscriber = connectWaiting(this.options.redisUrl, 'hearth-reader', { autoResubscribe: false });
    // Calls report the trouble of a connection. Without a listener Node would throw it.
    for (const redis of [this.redis, this.subscriber]) redis.on('error', () => undefined);
    this.store = new SessionStore(this.redis, this.keys, {
      ...defaultStoreLimits,
      backlogLimit: this.options.backlogLimit,
    });
    this.lifecycle = new SessionLifecycle(this.store);
    this.controls = new ControlRequests(this.store);
    this.leases = new LeaseStore(this.redis, this.keys);
    this.ringer = new Ringer(this.redis, this.keys);
    this.delayed = new DelayedTurns(this.store, this.ringer);
    this.channels = new Channels(this.subscriber, this.keys);
    this.rawLines = new RawLines(this);
  }

  /** Resolves when Redis answers. @throws HearthError `redis_unreachable` | `redis_too_old` | `redis_evicting` | `closed` */
  async connected(): Promise<void> {
    if (this.state.kind === 'closed') throw isClosed();
    this.ready ??= this.connect().catch((error: unknown) => {
      this.ready = undefined;
      throw error;
    });
    await this.ready;
    if (this.redis.status !== 'ready') await this.reconnected();
  }

  /**
   * Runs a request once Redis answers. Every request of a caller goes through here.
   *
   * @throws HearthError as {@link connected}, also when Redis is lost, or the producer is closed, before the answer
   */
  async use<T>(ask: () => Promise<T>): Promise<T> {
    await this.connected();
    try {
      return await ask();
    } catch (error) {
      if (!isRedisLost(error)) throw error;
      if (this.state.kind === 'closed') throw isClosed();
      throw new HearthError('redis_unreachable', 'Redis was lost before it answered. The request may be done or not.', {
        field: 'redisUrl',
        expected: 'a Redis that answers',
        wayOut: 'Try again when Redis is back.',
        cause: error,
      });
    }
  }

  private async connect(): Promise<void> {
    await checkRedis(this.redis, this.options.connectTimeoutMs);
    // The subscriber may connect later. Its channels tell the readers then.
    const [commands] = [this.redis, this.subscriber].map((redis) =>
      ['wait', 'end', 'close'].includes(redis.status) ? redis.connect().catch(() => undefined) : undefined,
    );
    await commands;
  }

  /** Waits for ioredis to reconnect, but not for long. Callers that come meanwhile wait together. */
  private async reconnected(): Promise<void> {
    this.returning ??= this.waitForReturn().finally(() => {
      this.returning = undefined;
    });
    await this.returning;
  }

  private async waitForReturn(): Promise<void> {
    const { connectTimeoutMs } = this.options;
    const came = await new Promise<boolean>((resolve) => {
      const onReady = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        this.redis.off('ready', onReady);
        resolve(false);
      }, connectTimeoutMs);
      this.redis.once('ready', onReady);
    });
    if (!came) await checkRedis(this.redis, connectTimeoutMs);
  }

  async close(): Promise<void> {
    if (this.state.kind === 'open') this.state = { kind: 'closed', done: this.disconnect() };
    return this.state.done;
  }

  private async disconnect(): Promise<void> {
    this.channels.close();
    this.rawLines.close();
    await this.ringer.close();
    this.redis.disconnect();
    this.subscriber.disconnect();
  }
}

const isClosed = (): HearthError => new HearthError('closed', 'The producer is closed.', { wayOut: 'Create another.' });
