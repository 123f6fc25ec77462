import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createProducer, type Producer } from '@hearth/producer';
import { defaultStoreLimits, Keys, LeaseStore, SessionEndings, SessionStore } from '@hearth/shared/internal';
import { fakeClaudePath, type ModelApi, modelApiEnvironment, startModelApi } from '@hearth/simulator';
import { Redis } from 'ioredis';
import { inject, onTestFinished, type TestContext } from 'vitest';
import { endOfWorkers } from '../setup/leaked-processes.js';
import { keptPrefixes } from '../setup/prefix.js';

/** One line of a worker's log. */
interface LogLine {
  /** The stable code of what happened. Tests match this, never the message. */
  event: string;
  msg: string;
  time: number;
  level: string;
  [field: string]: unknown;
}

export interface TestWorker {
  workerId: string;
  workerNumber: number;
  pid: number;
  home: string;
  log: readonly LogLine[];
  exited: Promise<number | null>;
  isGone(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the first line, past or future, that fits. */
  logged(fits: (line: LogLine) => boolean): Promise<LogLine>;
  stop(): Promise<number | null>;
}

export interface WorkerSettings {
  slots?: number;
  leaseTtlMs?: number;
  profiles?: object;
  /** Agents are the stand-in's. */
  claude?: 'fake';
  env?: NodeJS.ProcessEnv;
  /** The home of a worker before. */
  home?: string;
  /** The program, when it is not the worker's own. */
  program?: string;
}

export const workerProgram = fileURLToPath(import.meta.resolve('@hearth/worker/main'));

/** A cluster under a key prefix of its own: real Redis, real claude, the simulator's model. */
export class Cluster {
  readonly prefix = `test-${randomBytes(6).toString('hex')}`;
  readonly keys = new Keys({ keyPrefix: this.prefix, queuePrefix: `${this.prefix}-bull` });
  readonly redis: Redis;
  readonly store: SessionStore;
  readonly leases: LeaseStore;
  readonly endings: SessionEndings;
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
    this.endings = new SessionEndings(this.store);
  }

  /** What every process of the cluster needs to find it; agents find the model in it. */
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

  producer(options: { backlogLimit?: number; redisUrl?: string } = {}): Producer {
    const producer = createProducer({
      redisUrl: this.redisUrl,
      keyPrefix: this.prefix,
      queuePrefix: `${this.prefix}-bull`,
      ...options,
    });
    this.producers.push(producer);
    return producer;
  }

  /** Starts a worker process; resolves when it serves and its first spares are ready, or known not to come. */
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
        // Claude's shell reads its user's login files; killed in the middle they leave locks behind that hold up every later shell.
        HOME: home,
        HEARTH_SLOTS: String(settings.slots ?? 4),
        HEARTH_LEASE_TTL_MS: String(settings.leaseTtlMs ?? 10_000),
        ...(settings.claude === 'fake' ? { HEARTH_CLAUDE_PATH: fakeClaudePath() } : {}),
        ...settings.env,
      },
    });
    const worker = await handleOf(child, home);
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

  /** The names its workers had: one that loses its lease begins anew under another. */
  private get incarnations(): ReadonlySet<string> {
    const names = this.workers.flatMap(({ workerId, log }) => [workerId, ...log.map((line) => line['workerId'])]);
    return new Set(names.filter((name) => typeof name === 'string'));
  }
}

/**
 * Brackets a cluster: it is closed however the test ends; keys are deleted after a pass, kept after a failure, logs shown.
 * A concurrent test gives its context: without it vitest cannot know which test asks.
 */
export async function withCluster(use: (cluster: Cluster) => Promise<void>, context?: TestContext): Promise<void> {
  const cluster = new Cluster(inject('redisUrl'), await startModelApi());
  // A test that times out never comes back from `use`: only the hook is sure to run.
  (context?.onTestFinished ?? onTestFinished)(({ task }) => cluster.close(task.result?.state === 'pass'));
  await use(cluster);
}

async function handleOf(child: ChildProcess, home: string): Promise<TestWorker> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new TypeError('a worker without pipes');
  const log: LogLine[] = [];
  const listeners = new Set<(line: LogLine) => void>();
  createInterface({ input: stderr }).on('line', (text) => {
    const line = parse(text);
    log.push(line);
    for (const listener of listeners) listener(line);
  });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const lines = createInterface({ input: stdout });
  const first = await Promise.race([once(lines, 'line').then(([text]) => String(text)), exited.then(() => undefined)]);
  if (first === undefined) throw new Error(`the worker did not start: ${log.map(({ msg }) => msg).join('\n')}`);
  const { workerId, workerNumber } = JSON.parse(first) as { workerId: string; workerNumber: number };
  const worker: TestWorker = {
    workerId,
    workerNumber,
    pid: child.pid ?? -1,
    home,
    log,
    exited,
    isGone: () => child.exitCode !== null || child.signalCode !== null,
    signal: (signal) => child.kill(signal),
    logged: (fits) => {
      const past = log.find(fits);
      if (past !== undefined) return Promise.resolve(past);
      return new Promise((resolve) => {
        const listener = (line: LogLine): void => {
          if (!fits(line)) return;
          listeners.delete(listener);
          resolve(line);
        };
        listeners.add(listener);
      });
    },
    stop: () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      return exited;
    },
  };
  return worker;
}

function parse(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { event: 'raw', msg: text, time: Date.now(), level: 'raw' };
  }
}

function logTail(worker: TestWorker): string {
  const lines = worker.log.slice(-25).map((line) => JSON.stringify(line).slice(0, 400));
  return `\n--- log of ${worker.workerId}\n${lines.join('\n')}\n`;
}
