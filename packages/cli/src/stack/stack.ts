import { join } from 'node:path';
import { startLocalRedis } from '@hearth/local-redis';
import { HearthError } from '@hearth/shared';
import { prepareFolder, removeUpRecord, runningUp, writeUpRecord } from '@hearth/shared/internal';
import { modelApiEnvironment, startModelApi } from '@hearth/simulator';
import { withProgress } from '../terminal/progress.js';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.js';
import { KeptWorker } from './kept-worker.js';

export interface StackOptions {
  home: string;
  /** The URL of a Redis to use. Absent: one is found or fetched, and started. */
  redisUrl: string | undefined;
  /** Whether to use the simulator's model with the real CLI. */
  demo: boolean;
  workers: number;
  workerArgs: readonly string[];
  gatewayArgs: readonly string[];
  /** Called with messages about workers while the stack is up. */
  say: (text: string) => void;
}

export interface Stack {
  redisUrl: string;
  modelApi: string | undefined;
  workers: readonly KeptWorker[];
  gateway: GatewayProcess;
  /** The environment variable that gives the agents their account. */
  env: NodeJS.ProcessEnv;
  /** Ends everything in reverse order. Stopping twice is the same stop. */
  stop(): Promise<void>;
}

/**
 * Brings up everything to try Hearth on one machine: Redis, the simulator's model if requested, workers, the gateway.
 *
 * @throws HearthError `invalid_options` | `home_unusable` | `disk_full`
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const running = runningUp(options.home);
  if (running !== undefined) {
    throw new HearthError('invalid_options', `hearth is up already in ${options.home} (pid ${running.pid}).`, {
      field: 'HEARTH_HOME',
      expected: 'a folder in which no other `hearth up` runs',
      wayOut: `Use it (REDIS_URL=${running.redisUrl}), stop it, or set HEARTH_HOME to another folder.`,
    });
  }
  await prepareFolder(options.home);
  const cleanups: (() => Promise<unknown>)[] = [];
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= runAll(cleanups.reverse()));
  try {
    const redisUrl = options.redisUrl ?? (await startRedis(options.home, cleanups));
    const modelApi = options.demo ? await startModelApi() : undefined;
    if (modelApi !== undefined) cleanups.push(() => modelApi.stop());
    const env = {
      ...process.env,
      ...(modelApi === undefined ? {} : modelApiEnvironment(modelApi.url)),
      REDIS_URL: redisUrl,
      HEARTH_HOME: options.home,
    };
    // The gateway first, because a taken port is no reason to start workers.
    const gateway = await startGateway(options, env, cleanups);
    void gateway.exited.then((code) => {
      if (stopping === undefined)
        options.say(`Gateway ended (${code}): ${gateway.lastWords()} (log: ${gateway.logFile})`);
    });
    const workers: KeptWorker[] = [];
    for (let number = 1; number <= options.workers; number += 1) {
      const worker = await withProgress(
        `Worker ${number} starts`,
        () => KeptWorker.start({ home: options.home, number, env, args: options.workerArgs }, options.say),
        ({ process: { workerNumber, logFile } }) =>
          `Worker ${number} serves with number ${workerNumber} (log: ${logFile})`,
      );
      workers.push(worker);
      cleanups.push(() => worker.stop());
    }
    writeUpRecord(options.home, { pid: process.pid, redisUrl });
    cleanups.push(async () => removeUpRecord(options.home));
    return { redisUrl, modelApi: modelApi?.url, workers, gateway, env, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startRedis(home: string, cleanups: (() => Promise<unknown>)[]): Promise<string> {
  const redis = await withProgress(
    'Redis starts',
    (say) => startLocalRedis({ dataDir: join(home, 'redis'), cacheDir: join(home, 'cache'), onProgress: say }),
    ({ url, origin }) => `Redis serves at ${url} (${origin})`,
  );
  cleanups.push(() => redis.stop());
  return redis.url;
}

async function startGateway(
  { home, gatewayArgs: args }: StackOptions,
  env: NodeJS.ProcessEnv,
  cleanups: (() => Promise<unknown>)[],
): Promise<GatewayProcess> {
  const gateway = await withProgress(
    'Gateway starts',
    () => startGatewayProcess({ home, env, args }),
    ({ url, logFile }) => `Gateway serves at ${url} (log: ${logFile})`,
  );
  cleanups.push(() => gateway.stop());
  return gateway;
}

/** Runs every cleanup, whatever the others do. Throws all failures in the end. */
async function runAll(cleanups: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const cleanup of cleanups) await cleanup().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, 'not everything could be stopped');
}
