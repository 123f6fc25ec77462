import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { fetchedLibraries, fetchServer } from './debian.js';
import { LocalRedisError } from './errors.js';
import { type FindOptions, findRedisServer, type RedisServer } from './find.js';
import { answersPing, freePort } from './ping.js';

export interface LocalRedisOptions {
  /** Folder for the server's data, log and pid file; kept when it stops. */
  dataDir: string;
  /** Folder for fetched packages. @defaultValue `$HEARTH_HOME/cache`, `HEARTH_HOME` being `~/.hearth` */
  cacheDir?: string;
  /** @defaultValue a free one */
  port?: number;
  onProgress?: (line: string) => void;
  surroundings?: FindOptions['surroundings'];
}

export interface LocalRedis {
  readonly url: string;
  readonly port: number;
  /** Absent in Docker. */
  readonly pid: number | undefined;
  readonly origin: RedisServer['origin'];
  /** Shuts the server down, its data on disk, and waits until it is gone. */
  stop(): Promise<void>;
}

/** How long a server may take to answer, or to be gone, ms. It was seen to answer after 25. */
const deadlineMs = 15_000;
const lookEveryMs = 10;

/** Producers must never lose a turn: append-only file, no eviction. */
const policy = ['--appendonly', 'yes', '--save', '', '--maxmemory-policy', 'noeviction'];

/**
 * Finds or fetches a Redis and starts it on loopback.
 * @throws LocalRedisError
 */
export async function startLocalRedis(options: LocalRedisOptions): Promise<LocalRedis> {
  const cacheDir = options.cacheDir ?? join(process.env['HEARTH_HOME'] || join(homedir(), '.hearth'), 'cache');
  await mkdir(options.dataDir, { recursive: true });
  const running = await runningIn(options.dataDir);
  if (running !== undefined) {
    throw new LocalRedisError(
      'redis_already_running',
      `A Redis (pid ${running.pid}, port ${running.port}) runs on ${options.dataDir} already. Stop it, or use it: REDIS_URL=redis://127.0.0.1:${running.port}`,
    );
  }
  const server = await findRedisServer({
    cacheDir,
    ...(options.surroundings === undefined ? {} : { surroundings: options.surroundings }),
  });
  const port = options.port ?? (await freePort());
  if (server.origin === 'docker') return startContainer(options.dataDir, port);
  const program = server.program ?? (await fetchServer(cacheDir, options.onProgress ?? (() => undefined)));
  const libraries = server.origin === 'debian-package' ? await fetchedLibraries(cacheDir) : '';
  return startProgram(program, server.origin, options.dataDir, port, libraries);
}

async function startProgram(
  program: string,
  origin: 'path' | 'debian-package',
  dataDir: string,
  port: number,
  libraries: string,
): Promise<LocalRedis> {
  const logFile = join(dataDir, 'redis.log');
  await rm(logFile, { force: true });
  // detached: Ctrl-C in a terminal must not reach the server before those who use it.
  const child = execa(
    program,
    ['--bind', '127.0.0.1', '--port', String(port), '--dir', dataDir, '--logfile', logFile, ...policy],
    {
      buffer: false,
      detached: true,
      cleanup: false,
      reject: false,
      stdio: 'ignore',
      env: libraries === '' ? {} : { LD_LIBRARY_PATH: libraries },
    },
  );
  let isGone = false;
  const gone = child.then(() => {
    isGone = true;
  });
  const startedAt = performance.now();
  while (!(await answersPing(port))) {
    if (isGone || performance.now() - startedAt > deadlineMs) {
      child.kill('SIGKILL');
      const said = await readFile(logFile, 'utf8').catch(() => '');
      throw new LocalRedisError(
        'redis_start_failed',
        `${program} did not start: ${said.trim().split('\n').slice(-3).join(' ')}`,
      );
    }
    await sleep(lookEveryMs);
  }
  const { pid } = child;
  await writeFile(pidFile(dataDir), JSON.stringify({ pid, port }));
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM', new Error('stopped'));
    const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
    await gone;
    clearTimeout(timer);
    await rm(pidFile(dataDir), { force: true });
  };
  return { url: `redis://127.0.0.1:${port}`, port, pid, origin, stop: () => (stopping ??= stop()) };
}

async function startContainer(dataDir: string, port: number): Promise<LocalRedis> {
  const name = `hearth-redis-${randomBytes(4).toString('hex')}`;
  try {
    await execa('docker', [
      'run',
      '--rm',
      '-d',
      '--name',
      name,
      '-p',
      `127.0.0.1:${port}:6379`,
      '-v',
      `${dataDir}:/data`,
      'redis:7',
      'redis-server',
      ...policy,
    ]);
  } catch (cause) {
    throw new LocalRedisError('redis_start_failed', 'Docker could not start redis:7.', { cause });
  }
  const startedAt = performance.now();
  while (!(await answersPing(port))) {
    if (performance.now() - startedAt > deadlineMs) {
      await execa('docker', ['rm', '-f', name], { reject: false });
      throw new LocalRedisError('redis_start_failed', `The container ${name} did not answer.`);
    }
    await sleep(lookEveryMs);
  }
  const stop = async (): Promise<void> => {
    await execa('docker', ['stop', name], { reject: false });
  };
  return { url: `redis://127.0.0.1:${port}`, port, pid: undefined, origin: 'docker', stop };
}

const pidFile = (dataDir: string): string => join(dataDir, 'hearth-redis.json');

/** The server that runs on this folder, if one does: two on one append-only file would tear it. */
async function runningIn(dataDir: string): Promise<{ pid: number; port: number } | undefined> {
  try {
    const { pid, port } = JSON.parse(await readFile(pidFile(dataDir), 'utf8')) as { pid: number; port: number };
    process.kill(pid, 0);
    // The pid may have been given to another process since: only a server that answers there counts.
    return (await answersPing(port)) ? { pid, port } : undefined;
  } catch {
    return undefined;
  }
}
