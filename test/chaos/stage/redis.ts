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

/** What was on its way when a server ended has been read after so long, ms. */
const deliveredMs = 200;
/** How long a replica may take to have everything, ms. */
const syncMs = 15_000;

export interface StageRedisSettings {
  folder: string;
  keys: Keys;
  sessionIds: readonly string[];
  recorder: Recorder;
}

/** The Redis of a run, and all ways to it. Whatever it forgets is written down before anybody gets to it again. */
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

  /** A way of one's own. */
  async way(): Promise<TroubleProxy> {
    const way = await TroubleProxy.open(this.server.url);
    this.ways.push(way);
    return way;
  }

  /** The key in which the moment stands that was written last. */
  get beat(): string {
    return `${this.settings.keys.options.keyPrefix}:beat`;
  }

  get url(): string {
    return this.server.url;
  }

  /**
   * Ends it, orderly or not, and has it back after so many ms. Killed, it may lack what it had not written yet (a process that dies takes
   * nothing along that was written, on disk or not): that is so if it lacks what was written last, and otherwise nothing is excused.
   */
  async bounce(how: 'stop' | 'kill', downMs: number): Promise<void> {
    for (const way of this.ways) way.shut();
    const last = await this.writeLast();
    await this.server.bounce(how, downMs);
    const isWhole = await using(this.server.url, async (redis) => (await redis.get(this.last)) === last);
    await this.isBack(!isWhole);
  }

  /** For so long its memory is full. Returns how many writes it refused. */
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

  /** A replica that has everything; it is told nothing any more from {@link promote} on. */
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

  /** What happens from now on, the replica never hears of. */
  async cutOff(replica: RedisServer): Promise<void> {
    await using(replica.url, (redis) => redis.replicaof('NO', 'ONE'));
  }

  /** The replica takes the primary's place, which is gone for good. */
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

  /** What stands behind all that anybody was told, when nobody is told anything any more. */
  private get last(): string {
    return `${this.settings.keys.options.keyPrefix}:last`;
  }

  /** Leases were renewed perhaps since they were looked at: whoever renewed one goes by that. */
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
