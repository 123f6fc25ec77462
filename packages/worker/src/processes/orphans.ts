import { readFileSync, readlinkSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Logger } from '@hearth/shared/internal';
import { removeHome } from './agent-home.js';
import { killMarked, workerMark } from './marked.js';

/** The file in an incarnation's folder that says which process it is. */
const recordFile = 'process.json';

interface ProcessRecord {
  host: string;
  /** The name of its pid namespace, because a pid means nothing in another one. Absent without /proc. */
  pidNamespace?: string | undefined;
  pid: number;
  /** When it started, in the kernel's ticks, because pids are reused. Absent without /proc. */
  startedTicks?: string | undefined;
}

/** Creates the folder of an incarnation together with its process record, so that no other worker sees it without one. */
export async function claimFolder(folder: string): Promise<void> {
  const record: ProcessRecord = { ...here(), pid: process.pid, startedTicks: startedTicks(process.pid) };
  const unseen = join(dirname(folder), `.${basename(folder)}`);
  await mkdir(unseen, { recursive: true });
  await writeFile(join(unseen, recordFile), JSON.stringify(record));
  await rename(unseen, folder);
}

/** Removes the folder of an incarnation whose agents are gone, and the folders tied to them. */
export async function removeFolder(folder: string): Promise<void> {
  const agents = join(folder, 'agents');
  for (const agentId of await readdir(agents).catch(() => [])) await removeHome(join(agents, agentId));
  // An agent that was being started may still write.
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
}

/**
 * Kills the processes and removes the folders that dead incarnations of workers with this home left behind (P9). A live incarnation is
 * not touched. An incarnation on another host or in another container is dead when `isKnownDead` says so.
 *
 * @returns how many processes it killed
 */
export async function endOrphans(
  workersFolder: string,
  isKnownDead: (workerId: string) => Promise<boolean>,
  log: Logger,
): Promise<number> {
  let ended = 0;
  for (const workerId of await readdir(workersFolder).catch(() => [])) {
    if (workerId.startsWith('.')) continue;
    const folder = join(workersFolder, workerId);
    const record = await readRecord(folder);
    if (record !== undefined && (isHere(record) ? isAlive(record) : !(await isKnownDead(workerId)))) continue;
    const killed = await killMarked(workerMark, workerId);
    await removeFolder(folder);
    ended += killed;
    log.warn({ event: 'orphans.removed', of: workerId, processes: killed }, 'removed what a dead worker had left');
  }
  return ended;
}

/** Undefined: the folder has no record, because a process of its worker wrote into it after the worker had removed it. */
async function readRecord(folder: string): Promise<ProcessRecord | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, recordFile), 'utf8')) as ProcessRecord;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, startedTicks: ticks }: ProcessRecord): boolean {
  try {
    process.kill(pid, 0);
    return ticks === startedTicks(pid);
  } catch {
    return false;
  }
}

function isHere({ host, pidNamespace }: ProcessRecord): boolean {
  const own = here();
  return host === own.host && pidNamespace === own.pidNamespace;
}

function here(): Pick<ProcessRecord, 'host' | 'pidNamespace'> {
  try {
    return { host: hostname(), pidNamespace: readlinkSync('/proc/self/ns/pid') };
  } catch {
    return { host: hostname() };
  }
}

/** Field 22 of /proc/<pid>/stat. The second field, the name, may contain spaces and brackets. */
function startedTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
