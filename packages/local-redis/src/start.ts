import { mkdir, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { startContainer, stopContainer } from './container.js';
import { fetchedLibraries, fetchServer } from './debian.js';
import { LocalRedisError } from './errors.js';
import { findRedisServer, type RedisServer, type Surroundings } from './find.js';
import { FolderClaim, type RunningServer } from './folder-claim.js';
import { freePort } from './probe.js';
import { startProgram, stopProgram } from './program.js';

export interface LocalRedisOptions {
  /** Folder for the server's data, log and claim. One server at a time runs on it. */
  dataDir: string;
  /** Folder for fetched packages. @defaultValue `$HEARTH_HOME/cache`, `HEARTH_HOME` being `~/.hearth` */
  cacheDir?: string;
  /** @defaultValue a free one */
  port?: number;
  onProgress?: (line: string) => void;
  /** Replaces what the search for a server looks at, for tests. */
  surroundings?: Partial<Surroundings>;
}

export interface LocalRedis {
  readonly url: string;
  readonly port: number;
  /** Absent in Docker. */
  readonly pid: number | undefined;
  readonly origin: RedisServer['origin'];
  /** Shuts the server down, with its data on disk, and waits until it is gone. Stopping twice is the same stop. */
  stop(options?: { removeData?: boolean }): Promise<void>;
}

/** How often another port is tried when a process has taken the free one. */
const maxPorts = 3;

/**
 * Finds or fetches a Redis and starts it on loopback. A server on the folder whose owner died is used further, on its own port.
 *
 * @throws LocalRedisError
 */
export async function startLocalRedis(options: LocalRedisOptions): Promise<LocalRedis> {
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true });
  const claim = await FolderClaim.take(dataDir);
  const onProgress = options.onProgress ?? (() => undefined);
  if (claim.orphan !== undefined) {
    onProgress(`Using the Redis left running on port ${claim.orphan.port}`);
    return handleOf(claim.orphan, claim, dataDir);
  }
  try {
    const server = await startServer({ ...options, dataDir, onProgress }, claim);
    return handleOf(server, claim, dataDir);
  } catch (cause) {
    await claim.release();
    if (cause instanceof LocalRedisError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LocalRedisError('redis_start_failed', `Redis could not be started: ${reason}`, { cause });
  }
}

async function startServer(
  options: LocalRedisOptions & { onProgress: (line: string) => void },
  claim: FolderClaim,
): Promise<RunningServer> {
  const { dataDir, surroundings, onProgress } = options;
  const cacheDir = options.cacheDir ?? join(process.env['HEARTH_HOME'] || join(homedir(), '.hearth'), 'cache');
  const found = await findRedisServer({ cacheDir, surroundings });
  if (found.origin === 'docker') {
    const server = await startContainer(dataDir, options.port ?? (await freePort()));
    await claim.name(server);
    return server;
  }
  const program = found.program ?? (await fetchServer(cacheDir, onProgress));
  const libraries = found.origin === 'debian-package' ? await fetchedLibraries(cacheDir) : '';
  const { origin } = found;
  for (let tried = 1; ; tried += 1) {
    const port = options.port ?? (await freePort());
    const onSpawn = (server: RunningServer): Promise<void> => claim.name(server);
    try {
      return await startProgram({ program, origin, dataDir, port, libraries, onSpawn });
    } catch (error) {
      if (options.port !== undefined || tried === maxPorts || !/in use/.test(String(error))) throw error;
    }
  }
}

function handleOf(server: RunningServer, claim: FolderClaim, dataDir: string): LocalRedis {
  const { origin, port, pid, container } = server;
  let stopping: Promise<void> | undefined;
  const stop = async (removeData: boolean): Promise<void> => {
    if (pid !== undefined) await stopProgram(pid);
    if (container !== undefined) await stopContainer(container);
    await claim.release();
    if (removeData) await rm(dataDir, { recursive: true, force: true });
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid,
    origin,
    stop: ({ removeData = false } = {}) => (stopping ??= stop(removeData)),
  };
}
