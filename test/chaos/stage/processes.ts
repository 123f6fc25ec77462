import { readdirSync, readFileSync } from 'node:fs';

/** A child process, found by a part of its command line. */
function childOf(parent: number, part: string): number | undefined {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0)
    .find((pid) => parentOf(pid) === parent && commandOf(pid).includes(part));
}

/** Whether it runs and is an agent of the suite: the pid may have been reused. */
export const isAgent = (pid: number): boolean => commandOf(pid).includes('fake-claude');

export const watchdogOf = (workerPid: number): number | undefined => childOf(workerPid, 'watchdog/main.js');

/** The state by the kernel: `T` is a stopped process. */
export const stateOf = (pid: number): string => /\) (\S)/.exec(read(`/proc/${pid}/stat`))?.[1] ?? '';

const commandOf = (pid: number): string => read(`/proc/${pid}/cmdline`);
export const parentOf = (pid: number): number => Number(/\) \S (\d+)/.exec(read(`/proc/${pid}/stat`))?.[1] ?? -1);

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process has ended.
    return '';
  }
}

/** Kills a process; false: it had already ended. */
export function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
