import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** Environment variables of every agent. Everything it starts inherits them, also in a process session of its own (P5). */
export const workerMark = 'HEARTH_MARK_WORKER';
export const agentMark = 'HEARTH_MARK_AGENT';

/** How often marked processes are looked for again, ms. The next look finds a fork between look and kill. */
const lookAgainMs = 10;

/** Finds the pids of all processes whose environment has `name=value`, without this process and without zombies. */
export async function markedProcesses(name: string, value: string): Promise<number[]> {
  const mark = `${name}=${value}`;
  return process.platform === 'linux' ? fromProc(mark) : fromPs(mark);
}

function fromProc(mark: string): number[] {
  const found: number[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      // A zombie's environment reads as empty.
      if (readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(mark)) found.push(pid);
    } catch {
      // The process ended, or belongs to another user.
    }
  }
  return found;
}

/** For systems without /proc. `-E`/`e` shows the environment of the user's own processes. Tested on Linux only. */
async function fromPs(mark: string): Promise<number[]> {
  const args =
    process.platform === 'darwin' ? ['-A', '-E', '-ww', '-o', 'pid=,command='] : ['axeww', '-o', 'pid=,command='];
  const { stdout } = await promisify(execFile)('ps', args, { maxBuffer: 64 * 1024 * 1024 });
  return stdout
    .split('\n')
    .filter((line) => line.split(' ').includes(mark))
    .map((line) => Number.parseInt(line, 10))
    .filter((pid) => pid !== process.pid);
}

export function killQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // The process ended already.
  }
}

/** Kills every process with the mark until a look finds none. Returns how many it killed. */
export async function killMarked(name: string, value: string): Promise<number> {
  const killed = new Set<number>();
  for (;;) {
    const found = await markedProcesses(name, value);
    if (found.length === 0) return killed.size;
    for (const pid of found) {
      killQuietly(pid, 'SIGKILL');
      killed.add(pid);
    }
    await new Promise((resolve) => setTimeout(resolve, lookAgainMs));
  }
}
