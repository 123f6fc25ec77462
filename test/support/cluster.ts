import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProducer, type Producer } from '@hearth/producer';

import { defaultStoreLimits, Keys, LeaseStore, SessionLifecycle, SessionStore } from '@hearth/shared/internal';
import { type ModelApi, modelApiEnvironment, startModelApi } from '@hearth/simulator';

import { Redis } from 'ioredis';
import { inject, onTestFinished, type TestContext } from 'vitest';
import { endOfWorkers } from '../setup/leaked-processes.js';
import { keptPrefixes } from '../setup/prefix.js';
import { fakeClaude, workerProgram } from './programs.js';
import { logTail, type TestWorker, workerOf } from './worker.js';

/** A lease whose end a test waits for: short, but long enough that a live worker keeps it on a busy machine, ms. */
export const shortLeaseMs = 3_000;

export interface WorkerSettings {
  slots?: number;
  leaseTtlMs?: number;
  profiles?: object;
  /** Agents are `fake-claude`; absent, the real CLI. */
  claude?: 'fake';
  env?: NodeJS.ProcessEnv;
  /** The home of an earlier worker. */
  home?: string;
  /** Another program than the worker's own. */
  program?: string;
}

/** A cluster under its own key prefix: real Redis, real CLI unless a worker asks for the fake, the simulator's model API. */
export class Cluster {
  readonly prefix = `test-${randomBytes(6).toString('hex')}`;
  readonly keys = new Keys({ keyPrefix: this.prefix, queuePrefix: `${this.prefix}-bull` });
  readonly redis: Redis;
  readonly store: SessionStore;
  readonly leases: LeaseStore;
  readonly lifecycle: SessionLifecycle;
  readonly workers: TestWorker[] = [];
  private readonly producers: Producer[] = [];
  private readonly folders: string[] = [];

  constructor(
    readonly redisUrl: string,
    readonly api: ModelApi,
  ) {
    this.redis = new Redis(redisUrl);
    this.store = new SessionStore(this.redis, this.keys, defaultStoreLimits);
    this.leases = new LeaseStore(this.redis, this.keys);
    this.lifecycle = new SessionLifecycle(this.store);
  }

  /** The environment of every process of the cluster: where Redis and the model API are. */
  get env(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      ...modelApiEnvironment(this.api.url),
      REDIS_URL: this.redisUrl,
      HEARTH_KEY_PREFIX: this.prefix,
      HEARTH_QUEUE_PREFIX: `${this.prefix}-bull`,
      HEARTH_LOG_LEVEL: 'info',
    };
  }

  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'hearth-test-'));
    this.folders.push(folder);
    return folder;
  }

  producer(options: { backlogLimit?: number; connectTimeoutMs?: number; redisUrl?: string } = {}): Producer {
    const producer = createProducer({
      redisUrl: this.redisUrl,
      keyPrefix: this.prefix,
      queuePrefix: `${this.prefix}-bull`,
      ...options,
    });
    this.producers.push(producer);
    return producer;
  }

  /** Starts a worker process; resolves when it serves and its first spares have started or failed. */
  async worker(settings: WorkerSettings = {}): Promise<TestWorker> {
    const home = settings.home ?? (await this.folder());
    const args = [];
    if (settings.profiles !== undefined) {
      await writeFile(join(home, 'profiles.json'), JSON.stringify(settings.profiles));
      args.push('--profiles', join(home, 'profiles.json'));
    }
    const child = spawn(process.execPath, [settings.program ?? workerProgram, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...this.env,
        HEARTH_HOME: home,
        // Claude's shell reads its user's login files. A shell killed meanwhile leaves locks that block every later shell.
        HOME: home,
        HEARTH_SLOTS: String(settings.slots ?? 4),
        HEARTH_LEASE_TTL_MS: String(settings.leaseTtlMs ?? 10_000),
        ...(settings.claude === 'fake' ? { HEARTH_CLAUDE_PATH: fakeClaude } : {}),
        ...settings.env,
      },
    });
    const worker = await workerOf(child, home);
    this.workers.push(worker);
    return worker;
  }

  async close(passed: boolean): Promise<void> {
    await Promise.all(this.producers.map((producer) => producer.close()));
    for (const worker of this.workers) worker.signal('SIGCONT');
    await Promise.all(this.workers.map((worker) => worker.stop()));
    if (passed) {
      for await (const keys of this.redis.scanStream({ match: `${this.prefix}*`, count: 500 })) {
        if ((keys as string[]).length > 0) await this.redis.unlink(keys as string[]);
      }
    } else {
      await this.redis.sadd(keptPrefixes, this.prefix);
      for (const worker of this.workers) process.stderr.write(logTail(worker));
    }
    this.redis.disconnect();
    await this.api.stop();
    const left = await endOfWorkers(this.incarnations);
    for (const folder of this.folders) await rm(folder, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`The cluster left behind:\n${left.join('\n')}`);
  }

  /** Every id its workers had: a worker that loses its lease starts again under a new id. */
  private get incarnations(): ReadonlySet<string> {
    const names = this.workers.flatMap(({ workerId, log }) => [workerId, ...log.map((line) => line['workerId'])]);
    return new Set(names.filter((name) => typeof name === 'string'));
  }
}

/**
 * Runs a test on its own cluster, and closes it however the test ends. Keys are deleted after a pass; after a failure they are
 * kept and the logs are shown. A concurrent test passes its context, because vitest cannot know otherwise which test calls.
 */
export async function withCluster(use: (cluster: Cluster) => Promise<void>, context?: TestContext): Promise<void> {
  const cluster = new Cluster(inject('redisUrl'), await startModelApi());
  // A test that times out never returns from `use`; the hook always runs.
  (context?.onTestFinished ?? onTestFinished)(({ task }) => cluster.close(task.result?.state === 'pass'));
  await use(cluster);
}
