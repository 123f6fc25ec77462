import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalRedisError } from './errors.js';
import type { RedisServer } from './find.js';
import { askServer } from './probe.js';

/** What runs on a data folder. */
export interface RunningServer {
  origin: RedisServer['origin'];
  port: number;
  /** Absent in Docker. */
  pid?: number | undefined;
  container?: string | undefined;
}

interface ClaimRecord {
  /** The process that starts the server, and stops it. */
  owner: number;
  /** Absent while it is being started. */
  server?: RunningServer;
}

/**
 * The right to run a server on a data folder: two on one append-only file would tear it. Held as a file in it.
 *
 * 1. A claim appears whole or not at all (`link` of a finished file), so a reader never sees half of one.
 * 2. A claim is taken over only when its owner is dead or its server gone; of two who try, one gets it.
 */
export class FolderClaim {
  private constructor(
    private readonly file: string,
    /** A server whose owner died without stopping it. It holds the data, so it is used on. */
    readonly orphan: RunningServer | undefined,
  ) {}

  /** @throws LocalRedisError `redis_already_running` */
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
    // A process of another user lives, though we may not signal it.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function parseRecord(text: string): ClaimRecord | undefined {
  try {
    return JSON.parse(text) as ClaimRecord;
  } catch {
    // Not of our making (a disk that was full): nobody holds it.
    return undefined;
  }
}

/** A pid may be given again, and a port too: only a server that says it is that process counts. */
async function isServing({ port, pid }: RunningServer): Promise<boolean> {
  const answer = await askServer(port);
  return answer !== undefined && (pid === undefined || answer.pid === pid);
}

/** Invariant 2. What was moved away is looked at again: it may be a claim that somebody made just now. */
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
