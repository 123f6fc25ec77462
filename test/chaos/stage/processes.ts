import { readdirSync, readFileSync } from 'node:fs';

/** A child process of another by what stands in its command line. */
function childOf(parent: number, part: string): number | undefined {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0)
    .find((pid) => parentOf(pid) === parent && commandOf(pid).includes(part));
}

/** Whether it runs and is an agent of the suite: a pid may have been given again. */
export const isAgent = (pid: number): boolean => commandOf(pid).includes('fake-claude');

export const watchdogOf = (workerPid: number): number | undefined => childOf(workerPid, 'watchdog/main.js');

/** Its state as the kernel says it: `T` for one that is stopped. */
export const stateOf = (pid: number): string => /\) (\S)/.exec(read(`/proc/${pid}/stat`))?.[1] ?? '';

const commandOf = (pid: number): string => read(`/proc/${pid}/cmdline`);
export const parentOf = (pid: number): number => Number(/\) \S (\d+)/.exec(read(`/proc/${pid}/stat`))?.[1] ?? -1);

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It has ended.
    return '';
  }
}

/** Kills a process; false: it had ended by itself since it was found. */
export function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
