import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createProducer, type Producer } from '@hearth/producer';
import { defaultStoreLimits, Keys, SessionStore } from '@hearth/shared';
import { fakeClaudePath } from '@hearth/simulator';
import { Redis } from 'ioredis';
import { RedisServer } from '../../support/redis-server.js';
import type { Recorder } from '../recorder.js';
import { TroubleProxy } from './proxy.js';
import { Watcher } from './watcher.js';
import { WorkerProcess } from './worker-process.js';

export interface StageSettings {
  folder: string;
  workers: number;
  places: number;
  leaseTtlMs: number;
  /** How long it takes everybody to be as before after an owner was lost. */
  recoveryMs: number;
  sessionIds: readonly string[];
  recorder: Recorder;
  onWorkerLine: (line: string) => void;
}

/** A worker that ended is followed by another so much later, ms; without Redis none can start. */
const restartAfterMs = 200;
/** What workers may take to end in the end, ms. */
const drainMs = 20_000;

/** Everything that runs: Redis, workers, each with a way to Redis of its own, and the producers with theirs. */
export class Stage {
  readonly prefix = `chaos-${randomBytes(4).toString('hex')}`;
  readonly keys = new Keys({ keyPrefix: this.prefix, queuePrefix: `${this.prefix}-bull` });
  readonly workers: WorkerProcess[] = [];
  readonly producers: Producer[] = [];
  private readonly proxies: TroubleProxy[] = [];
  private started = 0;
  private keepsWorkers = true;

  private constructor(
    readonly settings: StageSettings,
    readonly redis: RedisServer,
    readonly producerProxy: TroubleProxy,
    private readonly watcher: (keys: Keys) => Watcher,
  ) {}

  static async open(settings: StageSettings): Promise<Stage> {
    await mkdir(join(settings.folder, 'state'), { recursive: true });
    const redis = await RedisServer.start(join(settings.folder, 'redis'));
    const proxy = await TroubleProxy.open(redis.url);
    const { sessionIds, recorder } = settings;
    const stage = new Stage(settings, redis, proxy, (keys) => new Watcher(redis.url, keys, sessionIds, recorder));
    await stage.writeProfiles();
    return stage;
  }

  private watching: Watcher | undefined;

  async start(): Promise<void> {
    this.watching = this.watcher(this.keys);
    this.watching.start();
    await this.startWorkers();
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

  async startWorker(): Promise<WorkerProcess> {
    const { folder, leaseTtlMs, places, recorder, onWorkerLine, recoveryMs } = this.settings;
    this.started += 1;
    const home = join(folder, `home-${this.started}`);
    const proxy = await TroubleProxy.open(this.redis.url);
    this.proxies.push(proxy);
    const env = {
      ...process.env,
      HEARTH_HOME: home,
      HOME: home,
      HEARTH_KEY_PREFIX: this.prefix,
      HEARTH_QUEUE_PREFIX: `${this.prefix}-bull`,
      HEARTH_CLAUDE_PATH: fakeClaudePath(),
      HEARTH_LEASE_TTL_MS: String(leaseTtlMs),
      HEARTH_PLACES: String(places),
      HEARTH_LOOK_AFTER_MS: '1000',
      HEARTH_DRAIN_DEADLINE_MS: '5000',
      HEARTH_LOG_LEVEL: 'info',
    };
    await mkdir(home, { recursive: true });
    const args = ['--profiles', join(folder, 'profiles.json')];
    const worker = await WorkerProcess.start({ args, env, onLine: onWorkerLine, recoveryMs }, proxy, recorder);
    this.workers.push(worker);
    void worker.exited.then(() => this.replace());
    return worker;
  }

  /** @throws Error when a worker cannot even start */
  private async startWorkers(): Promise<void> {
    const started = await Promise.all(Array.from({ length: this.settings.workers }, () => this.startWorker()));
    if (started.some(({ isUp }) => !isUp)) throw new Error('a worker did not start; see its log');
  }

  /** What the tools did. */
  async effects(): Promise<{ text: string; pid: number; at: number }[]> {
    const text = await readFile(join(this.settings.folder, 'effects'), 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { text: string; pid: number; at: number });
  }

  /** Ends everything that is wrong with connections and workers. */
  heal(): void {
    for (const proxy of [...this.proxies, this.producerProxy]) proxy.heal();
    for (const worker of this.workers) {
      if (worker.isFrozen) worker.thaw();
      worker.order({ shiftMs: 0 });
    }
  }

  /** Redis as it is, past all proxies. */
  async store<T>(use: (store: SessionStore) => Promise<T>): Promise<T> {
    const redis = new Redis(this.redis.url);
    try {
      return await use(new SessionStore(redis, this.keys, defaultStoreLimits));
    } finally {
      redis.disconnect();
    }
  }

  async close(): Promise<void> {
    this.keepsWorkers = false;
    this.heal();
    await Promise.all(this.producers.map((producer) => producer.close()));
    for (const worker of this.up) worker.drain();
    const gone = Promise.all(this.workers.map(({ exited }) => exited));
    const patience = setTimeout(() => {
      for (const worker of this.workers) worker.kill();
    }, drainMs);
    await gone;
    clearTimeout(patience);
    await this.watching?.stop();
    await Promise.all([...this.proxies, this.producerProxy].map((proxy) => proxy.close()));
    await this.redis.stop();
  }

  /** As a supervisor would: whoever ends is followed by another. */
  private async replace(): Promise<void> {
    await pause(restartAfterMs);
    if (this.keepsWorkers && this.up.length < this.settings.workers) await this.startWorker();
  }

  private async writeProfiles(): Promise<void> {
    const { folder } = this.settings;
    const profile = {
      allowedTools: ['Effect', 'Bash'],
      spares: 1,
      firstEventTimeoutMs: 5_000,
      silenceTimeoutMs: 5_000,
      turnTimeoutMs: 30_000,
      env: { FAKE_CLAUDE_EFFECTS: join(folder, 'effects'), FAKE_CLAUDE_STATE: join(folder, 'state') },
    };
    await writeFile(join(folder, 'profiles.json'), JSON.stringify({ default: profile }));
  }
}
