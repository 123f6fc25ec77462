import { readFileSync, readlinkSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Logger } from '@hearth/shared';
import { removeHome } from '../agent/home.js';
import { killMarked, workerMark } from './marked.js';

/** Which process an incarnation of a worker is, in its folder. */
const recordFile = 'process.json';

interface ProcessRecord {
  host: string;
  /** The name of its pid namespace: a pid says nothing in another. Absent where there is no /proc. */
  pidNamespace?: string | undefined;
  pid: number;
  /** When it started, in the kernel's ticks: a pid is given again, a pid with its start is not. Absent where there is no /proc. */
  startedTicks?: string | undefined;
}

/** Makes the folder of an incarnation, with the record of which process it is: nobody sees it without. */
export async function claimFolder(folder: string): Promise<void> {
  const record: ProcessRecord = { ...here(), pid: process.pid, startedTicks: startedTicks(process.pid) };
  const unseen = join(dirname(folder), `.${basename(folder)}`);
  await mkdir(unseen, { recursive: true });
  await writeFile(join(unseen, recordFile), JSON.stringify(record));
  await rename(unseen, folder);
}

/** Removes the folder of an incarnation whose agents are gone, and what belongs to them. */
export async function removeFolder(folder: string): Promise<void> {
  const agents = join(folder, 'agents');
  for (const agentId of await readdir(agents).catch(() => [])) await removeHome(join(agents, agentId));
  // An agent that was just being started may still write.
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
}

/**
 * Ends what dead incarnations of workers with this home left behind (P9): their processes, by their mark, and their folders. One whose
 * process still lives is not touched; one that cannot be seen from here (another host, another container) is dead when it `isKnownDead`.
 * Returns how many processes it ended.
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
    log.warn(
      { of: workerId, processes: killed },
      'a dead incarnation had left its folder behind; ended what was left of it',
    );
  }
  return ended;
}

/** Undefined: there is none; its worker has ended, and something of it had written into its folder after that. */
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

/** Field 22 of /proc/<pid>/stat; the second field, the name, may hold spaces and brackets. */
function startedTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
