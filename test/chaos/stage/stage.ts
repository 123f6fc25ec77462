import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createProducer, type Producer } from '@hearth/producer';
import { defaultStoreLimits, Keys, SessionStore } from '@hearth/shared/internal';
import { fakeClaudePath } from '@hearth/simulator';
import { Redis } from 'ioredis';
import { endOfWorkers } from '../../setup/leaked-processes.js';
import type { Recorder } from '../recorder.js';
import { removeBells } from './bells.js';
import { stillOwed } from './homes.js';
import { JobSender } from './jobs.js';
import type { TroubleProxy } from './proxy.js';
import { StageRedis } from './redis.js';
import { Watcher } from './watcher.js';
import { WorkerProcess } from './worker-process.js';

export interface StageSettings {
  folder: string;
  workers: number;
  slots: number;
  leaseTtlMs: number;
  lookAfterMs: number;
  sessionIds: readonly string[];
  recorder: Recorder;
  onWorkerLine: (line: string) => void;
}

/** The pause between the end of a worker and the start of its successor, in ms. Without Redis none can start. */
const restartAfterMs = 200;
/** The time limit of the workers' end, in ms. */
const drainMs = 20_000;

/** All parts of a run: Redis, the workers, each with a proxy to Redis, and the producers with theirs. */
export class Stage {
  readonly workers: WorkerProcess[] = [];
  readonly producers: Producer[] = [];
  private readonly ways: TroubleProxy[] = [];
  private started = 0;
  private keepsWorkers = true;
  private isOver = false;
  private last: Promise<unknown> = Promise.resolve();
  /** Homes of workers that could not end their agents: the next workers get them. */
  private readonly homesLeft: string[] = [];
  private readonly senders: JobSender[] = [];
  private watching: Watcher | undefined;

  private constructor(
    readonly settings: StageSettings,
    readonly prefix: string,
    readonly keys: Keys,
    readonly redis: StageRedis,
    readonly producerProxy: TroubleProxy,
  ) {}

  static async open(settings: StageSettings): Promise<Stage> {
    await mkdir(join(settings.folder, 'state'), { recursive: true });
    const prefix = `chaos-${randomBytes(4).toString('hex')}`;
    const keys = new Keys({ keyPrefix: prefix, queuePrefix: `${prefix}-bull` });
    const redis = await StageRedis.start({ ...settings, keys });
    const stage = new Stage(settings, prefix, keys, redis, await redis.way());
    await stage.writeProfiles();
    return stage;
  }

  async start(): Promise<void> {
    const { sessionIds, recorder } = this.settings;
    const { url } = await this.redis.way();
    this.watching = new Watcher({ redisUrl: url, beat: this.redis.beat, keys: this.keys, sessionIds, recorder });
    this.watching.start();
    await this.startWorkers();
    if (this.up.length < this.settings.workers) throw new Error('a worker did not start; see its log');
  }

  get up(): readonly WorkerProcess[] {
    return this.workers.filter(({ isUp }) => isUp);
  }

  producer(): Producer {
    const { prefix } = this;
    const producer = createProducer({
      redisUrl: this.producerProxy.url,
      keyPrefix: prefix,
      queuePrefix: `${prefix}-bull`,
    });
    this.producers.push(producer);
    return producer;
  }

  /** The environment that a producer in a process of its own needs. */
  get producerEnv(): NodeJS.ProcessEnv {
    return {
      REDIS_URL: this.producerProxy.url,
      HEARTH_KEY_PREFIX: this.prefix,
      HEARTH_QUEUE_PREFIX: `${this.prefix}-bull`,
    };
  }

  /** Removes the waiting doorbells; returns their number. */
  async removeBells(): Promise<number> {
    const redis = new Redis(this.redis.url);
    redis.on('error', () => undefined);
    try {
      return await removeBells(redis, this.keys);
    } finally {
      redis.disconnect();
    }
  }

  /** Adds jobs that bring their own turn. */
  jobs(): JobSender {
    const sender = new JobSender(this.producerProxy.url, this.keys);
    this.senders.push(sender);
    return sender;
  }

  /** Faults that hit all parts, as those of Redis, run one after the other. */
  async alone<T>(use: () => Promise<T>): Promise<T> {
    const mine = this.last.then(use);
    this.last = mine.catch(() => undefined);
    return mine;
  }

  /** Kills every worker, and starts none for this time. Returns their number. */
  async without(ms: number): Promise<number> {
    this.keepsWorkers = false;
    const killed = this.workers.filter(({ isThere }) => isThere);
    for (const worker of killed) worker.kill();
    await Promise.all(killed.map(({ exited }) => exited));
    await pause(ms);
    this.keepsWorkers = true;
    await this.startWorkers();
    return killed.length;
  }

  private async startWorkers(): Promise<void> {
    const missing = this.settings.workers - this.workers.filter(({ isThere }) => isThere).length;
    await Promise.all(Array.from({ length: Math.max(0, missing) }, () => this.startWorker()));
  }

  /** Resolves when the worker serves, or has ended. */
  private async startWorker(): Promise<void> {
    const { folder, leaseTtlMs, lookAfterMs, slots, recorder, onWorkerLine } = this.settings;
    const proxy = await this.redis.way();
    this.ways.push(proxy);
    this.started += 1;
    const left = this.homesLeft.shift();
    const owesHome = left !== undefined;
    const home = left ?? join(folder, `home-${this.started}`);
    const env = {
      ...process.env,
      HEARTH_KEY_PREFIX: this.prefix,
      HEARTH_QUEUE_PREFIX: `${this.prefix}-bull`,
      HEARTH_CLAUDE_PATH: fakeClaudePath(),
      HEARTH_LEASE_TTL_MS: String(leaseTtlMs),
      HEARTH_SLOTS: String(slots),
      HEARTH_LOOK_AFTER_MS: String(lookAfterMs),
      HEARTH_DRAIN_DEADLINE_MS: '5000',
      HEARTH_LOG_LEVEL: 'info',
    };
    await mkdir(home, { recursive: true });
    if (this.isOver) return;
    const args = ['--profiles', join(folder, 'profiles.json')];
    const worker = new WorkerProcess({ args, env, home, owesHome, onLine: onWorkerLine }, proxy, recorder);
    // From the first moment: closing the stage ends the worker, serving or not.
    this.workers.push(worker);
    void worker.exited.then(() => this.replace(worker));
    await worker.ready;
  }

  /** The recorded effects of the tools. */
  async effects(): Promise<{ text: string; pid: number; at: number }[]> {
    const text = await readFile(join(this.settings.folder, 'effects'), 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { text: string; pid: number; at: number });
  }

  /** Ends all faults of connections and workers. */
  heal(): void {
    for (const proxy of [...this.ways, this.producerProxy]) proxy.heal();
    for (const worker of this.workers) {
      if (worker.isFrozen) worker.thaw();
      void worker.order({ shiftMs: 0 });
    }
  }

  /** The URL of Redis, without a proxy. */
  async store<T>(use: (store: SessionStore) => Promise<T>): Promise<T> {
    const redis = new Redis(this.redis.url);
    try {
      return await use(new SessionStore(redis, this.keys, defaultStoreLimits));
    } finally {
      redis.disconnect();
    }
  }

  async close(): Promise<void> {
    this.isOver = true;
    this.heal();
    await Promise.all(this.producers.map((producer) => producer.close()));
    for (const worker of this.workers) if (worker.isThere) worker.drain();
    await Promise.all(this.workers.map((worker) => worker.leaves(drainMs)));
    for (const sender of this.senders) sender.leave();
    await this.watching?.stop();
    await this.endLeft();
    await this.redis.stop();
  }

  /** The home of a worker that could not end its agents may have no new owner; any other process that is left is a violation. */
  private async endLeft(): Promise<void> {
    const { recorder } = this.settings;
    const names = recorder.records.flatMap((record) => (record.kind === 'worker' ? [record.workerId] : []));
    await endOfWorkers(new Set(stillOwed(this.workers)), 0);
    for (const what of await endOfWorkers(new Set(names))) recorder.note({ kind: 'left', what });
  }

  /** Acts as a supervisor: every worker that ends gets a successor. */
  private async replace({ owesHome, home }: WorkerProcess): Promise<void> {
    if (owesHome) this.homesLeft.push(home);
    await pause(restartAfterMs);
    const there = this.workers.filter(({ isThere }) => isThere).length;
    if (this.isOver || !this.keepsWorkers || there >= this.settings.workers) return;
    await this.startWorker();
  }

  private async writeProfiles(): Promise<void> {
    const { folder } = this.settings;
    const profile = {
      allowedTools: ['Effect', 'Bash'],
      spares: 1,
      firstEventTimeoutMs: 5_000,
      silenceTimeoutMs: 5_000,
      turnTimeoutMs: 15_000,
      env: { FAKE_CLAUDE_EFFECTS: join(folder, 'effects'), FAKE_CLAUDE_STATE: join(folder, 'state') },
    };
    await writeFile(join(folder, 'profiles.json'), JSON.stringify({ default: profile }));
  }
}
