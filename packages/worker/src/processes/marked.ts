import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** Environment variables every agent carries, and so everything it starts, in sessions of their own too (P5). */
export const workerMark = 'HEARTH_MARK_WORKER';
export const agentMark = 'HEARTH_MARK_AGENT';

/** How often a killed process is looked for again, ms; a fork between look and kill is found by the next look. */
const lookAgainMs = 10;

/** Pids of all processes whose environment has `name=value`, without this process. Zombies do not count. */
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
      // Gone since, or another user's: neither is ours.
    }
  }
  return found;
}

/** Where there is no /proc. `-E`/`e` shows the environment of one's own processes; measured on Linux only. */
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
    // Gone already, which is what was wanted.
  }
}

/** Kills every process with the mark, again and again until a look finds none. Returns how many it killed. */
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
