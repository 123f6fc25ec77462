import { Redis } from 'ioredis';
import { attemptsAllowed } from '../../../../../test/support/session-model.js';
import {
  connectWaiting,
  Keys,
  LeaseStore,
  type NumberedEvent,
  parsePublished,
  SessionStore,
  type SessionWriter,
} from '../../../src/internal.js';
import { defaultStoreLimits } from '../../../src/store/limits.js';
import { dumpKeys, freshPrefix, redisUrl, removeKeys } from '../../support/redis.js';
import { ReplyDroppingProxy } from '../../support/reply-dropping-proxy.js';
import { backlogLimit } from './model.js';

type Argument = string | number | Buffer;

/** A script call as it was sent to Redis. */
export interface RawCall {
  name: string;
  args: Argument[];
}

/** A producer or worker with its own connection through the proxy. */
export interface Client {
  redis: Redis;
  store: SessionStore;
  leases: LeaseStore;
  /** The last script call. */
  last: RawCall | undefined;
}

/** Replaces scripts by mutants. */
export type Tamper = (redis: Redis) => void;

/** Connections for many runs. Each run has its own key prefix. */
export class Harness {
  private constructor(
    readonly proxy: ReplyDroppingProxy,
    readonly direct: Redis,
    private readonly subscriber: Redis,
    private readonly connections: readonly Redis[],
    private readonly tamper: Tamper,
  ) {}

  static async open(tamper: Tamper = () => undefined): Promise<Harness> {
    const proxy = await ReplyDroppingProxy.open(redisUrl());
    const direct = new Redis(redisUrl());
    const subscriber = new Redis(redisUrl());
    const connections = ['producer 1', 'producer 2', 'worker 1', 'worker 2', 'worker 3'].map((name) => {
      const redis = connectWaiting(proxy.url, name.replace(' ', '-'));
      // Reconnects at once, because a dropped reply should not cost 100 ms.
      redis.options.retryStrategy = () => 1;
      redis.on('error', () => undefined);
      return redis;
    });
    await Promise.all(connections.map((redis) => redis.connect()));
    return new Harness(proxy, direct, subscriber, connections, tamper);
  }

  /** One run. `keep`: keeps the keys of a failed run. */
  async run(keep: boolean, use: (world: World) => Promise<void>): Promise<void> {
    const keys = new Keys({ keyPrefix: freshPrefix(), queuePrefix: 'bull' });
    const limits = {
      ...defaultStoreLimits,
      backlogLimit,
      attemptsAllowed,
      lookAfterMs: 600_000,
      lookAtMostMs: 600_000,
    };
    const clients = this.connections.map((redis): Client => {
      const client: Client = {
        redis,
        store: new SessionStore(redis, keys, limits),
        leases: new LeaseStore(redis, keys),
        last: undefined,
      };
      this.tamper(redis);
      recordCalls(client);
      return client;
    });
    const world = new World(this.proxy, this.direct, this.subscriber, keys, clients.slice(0, 2), clients.slice(2));
    await world.listen();
    let passed = false;
    try {
      await use(world);
      passed = true;
    } finally {
      await world.hangUp();
      if (passed || !keep) await removeKeys(this.direct, keys.options.keyPrefix);
    }
  }

  async close(): Promise<void> {
    for (const redis of [this.direct, this.subscriber, ...this.connections]) redis.disconnect();
    await this.proxy.close();
  }
}

/** Scripts that may open a session. */
const opening = new Set(['submit', 'open']);

/** The connections of one run, and what was published and sent in it. */
export class World {
  /** Published events by channel. */
  readonly heard = new Map<string, { incarnations: Set<string>; events: NumberedEvent[] }>();
  readonly writers = new Map<number, SessionWriter>();
  /** Calls that may arrive again later. */
  private calls: { script: string; call: RawCall }[] = [];

  constructor(
    readonly proxy: ReplyDroppingProxy,
    readonly direct: Redis,
    private readonly subscriber: Redis,
    readonly keys: Keys,
    readonly producers: readonly Client[],
    readonly workers: readonly Client[],
  ) {}

  dump(): Promise<Map<string, string>> {
    return dumpKeys(this.direct, this.keys.options.keyPrefix);
  }

  get history(): { script: string; call: RawCall }[] {
    return this.calls;
  }
  /** Drops opening calls that would not be repetitions any more. */
  dropCalls(concerns: (call: RawCall) => boolean): void {
    this.calls = this.calls.filter(({ script, call }) => !opening.has(script) || !concerns(call));
  }

  /** Drops the last call, which was refused and may be accepted later. */
  dropLastCall(): void {
    this.calls.pop();
  }

  /** Sends a call again, around the proxy. */
  async repeat(call: RawCall): Promise<unknown> {
    return this.direct.call(call.name, ...call.args);
  }

  async listen(): Promise<void> {
    this.subscriber.on('pmessage', this.hear);
    await this.subscriber.psubscribe(this.channels);
  }
  async hangUp(): Promise<void> {
    this.subscriber.off('pmessage', this.hear);
    await this.subscriber.punsubscribe(this.channels);
  }
  /** Resolves when all published messages were received, because Redis answers after it has sent them. */
  async caughtUp(): Promise<void> {
    await this.subscriber.ping();
  }

  private get channels(): string {
    // Only events, because the model has no wake calls.
    return `${this.keys.options.keyPrefix}:*:channel`;
  }
  private readonly hear = (_pattern: string, channel: string, message: string): void => {
    const { incarnation, events } = parsePublished(message);
    const heard = this.heard.get(channel) ?? { incarnations: new Set(), events: [] };
    heard.incarnations.add(incarnation);
    heard.events.push(...events);
    this.heard.set(channel, heard);
  };
}

const original = Symbol('sendCommand before it was recorded');
type Send = Redis['sendCommand'];

/** Records each script call of a client before it is sent. */
function recordCalls(client: Client): void {
  const redis = client.redis as Redis & { [original]?: Send };
  const send = redis[original] ?? redis.sendCommand.bind(redis);
  redis[original] = send;
  redis.sendCommand = (command, stream) => {
    if (command.name === 'evalsha') client.last = { name: command.name, args: [...command.args] as Argument[] };
    return send(command, stream);
  };
}
