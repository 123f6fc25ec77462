import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Keys } from '@hearth/shared/internal';
import { Redis } from 'ioredis';
import { RedisServer } from '../../support/redis-server.js';
import type { RolledBack } from '../checker/records.js';
import type { Recorder } from '../recorder.js';
import { TroubleProxy } from './proxy.js';

/** After this time, in ms, all data of an ended server has been read. */
const deliveredMs = 200;
/** The time limit of a replica's first synchronisation, in ms. */
const syncMs = 15_000;

export interface StageRedisSettings {
  folder: string;
  keys: Keys;
  sessionIds: readonly string[];
  recorder: Recorder;
}

/** The Redis of a run, with all proxies to it. A rollback is recorded before any client can connect again. */
export class StageRedis {
  private readonly ways: TroubleProxy[] = [];
  private servers = 1;

  private constructor(
    private readonly settings: StageRedisSettings,
    private server: RedisServer,
  ) {}

  static async start(settings: StageRedisSettings): Promise<StageRedis> {
    return new StageRedis(settings, await RedisServer.start(join(settings.folder, 'redis-1')));
  }

  /** Opens a proxy for one client. */
  async way(): Promise<TroubleProxy> {
    const way = await TroubleProxy.open(this.server.url);
    this.ways.push(way);
    return way;
  }

  /** The key that holds the time of the last write. */
  get beat(): string {
    return `${this.settings.keys.options.keyPrefix}:beat`;
  }

  get url(): string {
    return this.server.url;
  }

  /**
   * Stops or kills Redis, and starts it again after this many ms. A killed Redis may lack writes that it had acknowledged (data that was
   * passed to the kernel survives a kill): only if it lacks the very last write, the loss is recorded, and excuses anything.
   */
  async bounce(how: 'stop' | 'kill', downMs: number): Promise<void> {
    for (const way of this.ways) way.shut();
    const last = await this.writeLast();
    await this.server.bounce(how, downMs);
    const isWhole = await using(this.server.url, async (redis) => (await redis.get(this.last)) === last);
    await this.isBack(!isWhole);
  }

  /** Fills its memory for this many ms. Returns the number of refused writes. */
  async beFull(forMs: number): Promise<number> {
    return using(this.server.url, async (redis) => {
      const refused = async (): Promise<number> =>
        Number(/errorstat_OOM:count=(\d+)/.exec(await redis.info('errorstats'))?.[1] ?? 0);
      const before = await refused();
      await redis.config('SET', 'maxmemory', '1');
      await pause(forMs);
      await redis.config('SET', 'maxmemory', '0');
      return (await refused()) - before;
    });
  }

  /** A replica that is synchronised. {@link cutOff} ends the replication. */
  async replica(): Promise<RedisServer> {
    this.servers += 1;
    const replica = await RedisServer.start(join(this.settings.folder, `redis-${this.servers}`));
    await using(this.server.url, (primary) => primary.config('SET', 'repl-diskless-sync-delay', '0'));
    await using(replica.url, async (redis) => {
      await redis.replicaof('127.0.0.1', Number(new URL(this.server.url).port));
      const startedAt = performance.now();
      while (!(await redis.info('replication')).includes('master_link_status:up')) {
        if (performance.now() - startedAt > syncMs) throw new Error('the replica did not get everything');
        await pause(20);
      }
    });
    return replica;
  }

  /** Later writes do not reach the replica. */
  async cutOff(replica: RedisServer): Promise<void> {
    await using(replica.url, (redis) => redis.replicaof('NO', 'ONE'));
  }

  /** The replica replaces the primary, which is deleted. */
  async failOver(replica: RedisServer): Promise<void> {
    for (const way of this.ways) way.shut();
    await this.server.stop();
    await rm(this.server.dataDir, { recursive: true, force: true });
    this.server = replica;
    await pause(deliveredMs);
    await this.isBack(true);
  }

  async stop(): Promise<void> {
    await Promise.all(this.ways.map((way) => way.close()));
    await this.server.stop();
  }

  /** The key of the very last write, after all clients are disconnected. */
  private get last(): string {
    return `${this.settings.keys.options.keyPrefix}:last`;
  }

  /** Leases may have been renewed since the watcher looked: their owners rely on that. */
  private async writeLast(): Promise<string> {
    const { keys, recorder } = this.settings;
    return using(this.server.url, async (redis) => {
      for (const workerId of await redis.zrange(keys.knownWorkers, '0', '-1')) {
        const leftMs = await redis.pttl(keys.lease(workerId));
        if (leftMs > 0) recorder.note({ kind: 'lease', workerId, until: Date.now() + leftMs });
      }
      const last = randomUUID();
      await redis.set(this.last, last);
      return last;
    });
  }

  private async isBack(mayHaveForgotten: boolean): Promise<void> {
    if (mayHaveForgotten)
      this.settings.recorder.note({ kind: 'rolled_back', ...(await this.known()), until: Date.now() });
    for (const way of this.ways) way.lead(this.server.url);
  }

  private async known(): Promise<Pick<RolledBack, 'at' | 'kept'>> {
    return using(this.server.url, async (redis) => {
      const kept: Record<string, { incarnation: string; events: number }> = {};
      for (const sessionId of this.settings.sessionIds) {
        const [incarnation, events] = await redis.hmget(
          this.settings.keys.session(sessionId).session,
          'incarnation',
          'events',
        );
        if (incarnation) kept[sessionId] = { incarnation, events: Number(events) };
      }
      return { at: Number(await redis.get(this.beat)), kept };
    });
  }
}

async function using<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}
