import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalRedisError } from './errors.js';
import type { RedisServer } from './find.js';
import { askServer } from './probe.js';

/** The server on a data folder. */
export interface RunningServer {
  origin: RedisServer['origin'];
  port: number;
  /** Absent in Docker. */
  pid?: number | undefined;
  container?: string | undefined;
}

interface ClaimRecord {
  /** The process that started the server, and stops it. */
  owner: number;
  /** Absent while it starts. */
  server?: RunningServer;
}

/**
 * The right to run a server on a data folder, because two servers would tear one append-only file. It is held as a file in the folder.
 *
 * 1. A claim appears whole or not at all (`link` of a finished file), so a reader never sees half of one.
 * 2. A claim is taken over only when its owner is dead or its server is gone. Of two that try, one gets it.
 */
export class FolderClaim {
  private constructor(
    private readonly file: string,
    /** A server whose owner died without stopping it. It has the data, so it is used further. */
    readonly orphan: RunningServer | undefined,
  ) {}

  /** Claims a folder. @throws LocalRedisError `redis_already_running` */
  static async take(dataDir: string): Promise<FolderClaim> {
    const file = join(dataDir, 'hearth-redis.json');
    for (;;) {
      const text = await readFile(file, 'utf8').catch(() => undefined);
      const held = text === undefined ? undefined : parseRecord(text);
      const serves = held?.server !== undefined && (await isServing(held.server));
      if (held !== undefined && isAlive(held.owner) && (serves || held.server === undefined)) {
        throw alreadyRunning(dataDir, file, held);
      }
      if (text !== undefined && !(await removeStale(file, text))) continue;
      const server = serves ? held.server : undefined;
      if (await create(file, { owner: process.pid, ...(server === undefined ? {} : { server }) })) {
        return new FolderClaim(file, server);
      }
    }
  }

  async name(server: RunningServer): Promise<void> {
    await rename(await writeBeside(this.file, { owner: process.pid, server }), this.file);
  }

  async release(): Promise<void> {
    await rm(this.file, { force: true });
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user lives, although this one may not signal it.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function parseRecord(text: string): ClaimRecord | undefined {
  try {
    return JSON.parse(text) as ClaimRecord;
  } catch {
    // A torn file (a full disk) is no claim.
    return undefined;
  }
}

/** Whether the server of a claim runs. Pids and ports are reused, so only a server that reports that pid counts. */
async function isServing({ port, pid }: RunningServer): Promise<boolean> {
  const answer = await askServer(port);
  return answer !== undefined && (pid === undefined || answer.pid === pid);
}

/** Invariant 2. It reads the moved file again, because that may be a claim that another process has just made. */
async function removeStale(file: string, stale: string): Promise<boolean> {
  const aside = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(file, aside);
  } catch {
    return false;
  }
  const isStale = (await readFile(aside, 'utf8')) === stale;
  if (!isStale) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
  return isStale;
}

/** Invariant 1. */
async function create(file: string, record: ClaimRecord): Promise<boolean> {
  const beside = await writeBeside(file, record);
  try {
    await link(beside, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(beside, { force: true });
  }
}

async function writeBeside(file: string, record: ClaimRecord): Promise<string> {
  const beside = `${file}.${randomBytes(6).toString('hex')}`;
  await writeFile(beside, JSON.stringify(record));
  return beside;
}

function alreadyRunning(dataDir: string, file: string, { owner, server }: ClaimRecord): LocalRedisError {
  const what =
    server === undefined
      ? `Process ${owner} is starting a Redis on ${dataDir}.`
      : `A Redis that process ${owner} started runs on ${dataDir} already. Stop it, or use it: REDIS_URL=redis://127.0.0.1:${server.port}.`;
  return new LocalRedisError('redis_already_running', `${what} (If that is wrong, remove ${file}.)`);
}
