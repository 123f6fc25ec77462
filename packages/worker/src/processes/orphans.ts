import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@hearth/shared';
import { removeHome } from '../agent/home.js';
import { killMarked, workerMark } from './marked.js';

/** Which process an incarnation of a worker is, in its folder. */
const recordFile = 'process.json';

interface ProcessRecord {
  pid: number;
  /** When it started, in the kernel's ticks: a pid is given again, a pid with its start is not. Absent where there is no /proc. */
  startedTicks?: string | undefined;
}

/** Makes the folder of an incarnation, and notes which process it is. */
export async function claimFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const record: ProcessRecord = { pid: process.pid, startedTicks: startedTicks(process.pid) };
  await writeFile(join(folder, recordFile), JSON.stringify(record));
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
 * process still lives is not touched. Returns how many processes it ended.
 */
export async function endOrphans(workersFolder: string, log: Logger): Promise<number> {
  let ended = 0;
  for (const workerId of await readdir(workersFolder).catch(() => [])) {
    const folder = join(workersFolder, workerId);
    if (await isAlive(folder)) continue;
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

async function isAlive(folder: string): Promise<boolean> {
  try {
    const record = JSON.parse(await readFile(join(folder, recordFile), 'utf8')) as ProcessRecord;
    process.kill(record.pid, 0);
    return record.startedTicks === startedTicks(record.pid);
  } catch {
    // No record, or no such process.
    return false;
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
