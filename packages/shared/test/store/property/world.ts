import { Redis } from 'ioredis';
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
import { attemptsAllowed, backlogLimit } from './model.js';

type Argument = string | number | Buffer;

/** A script call as it went to Redis, to be repeated word by word. */
export interface RawCall {
  name: string;
  args: Argument[];
}

/** A producer or worker: its own connection, through the proxy. */
export interface Client {
  redis: Redis;
  store: SessionStore;
  leases: LeaseStore;
  /** The script call it made last. */
  last: RawCall | undefined;
}

/** Puts other script bodies in place of the shipped ones; see `mutants.ts`. */
export type Tamper = (redis: Redis) => void;

/** Redis and those who talk to it. Opened once for many runs; each run has its own prefix. */
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
      // As shipped, but for the pause before a reconnect: a dropped reply should not cost 100 ms.
      redis.options.retryStrategy = () => 1;
      redis.on('error', () => undefined);
      return redis;
    });
    await Promise.all(connections.map((redis) => redis.connect()));
    return new Harness(proxy, direct, subscriber, connections, tamper);
  }

  /** One run under a prefix of its own; `keep`: leave the keys of a failed run to be read. */
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

/** Scripts that open a session when there is none. */
const opening = new Set(['submit', 'open']);

/** What one run of the property acts on. */
export class World {
  /** What was published, by channel. */
  readonly heard = new Map<string, { incarnations: Set<string>; events: NumberedEvent[] }>();
  readonly writers = new Map<number, SessionWriter>();
  /** Calls made so far which a connection may still send again, late. */
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
  /** Forgets calls that would not be repetitions any more. */
  forget(concerns: (call: RawCall) => boolean): void {
    this.calls = this.calls.filter(({ script, call }) => !opening.has(script) || !concerns(call));
  }

  /** The call made last was refused for now: should it come late, it may be accepted. */
  forgetLast(): void {
    this.calls.pop();
  }

  /** The same call again, as if its first reply had been lost. Goes round the proxy. */
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
  /** Resolves when everything published so far was heard: Redis answers after it has sent the messages. */
  async caughtUp(): Promise<void> {
    await this.subscriber.ping();
  }

  private get channels(): string {
    // Events only: what calls owners awake is no part of the model.
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

/** Notes each script call a client makes; also the first try, before a lost reply makes ioredis send it again. */
function recordCalls(client: Client): void {
  const redis = client.redis as Redis & { [original]?: Send };
  const send = redis[original] ?? redis.sendCommand.bind(redis);
  redis[original] = send;
  redis.sendCommand = (command, stream) => {
    if (command.name === 'evalsha') client.last = { name: command.name, args: [...command.args] as Argument[] };
    return send(command, stream);
  };
}
