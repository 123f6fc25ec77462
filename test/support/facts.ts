import { readdir, readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** The polling interval of facts that no event announces, in ms. */
const lookEveryMs = 20;

/** Waits until a fact holds, limited by the test's own timeout. Resolves with the value that `look` found. */
export async function eventually<T>(look: () => T | Promise<T>): Promise<NonNullable<Exclude<T, false>>> {
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return found as NonNullable<Exclude<T, false>>;
    await sleep(lookEveryMs);
  }
}

export async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

/** Whether a process runs. A zombie does not count: a test cannot influence when an orphan is reaped. */
export async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
  return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
}

/** The watchdog of a worker, found by the worker id on its command line. */
export async function watchdogOf(workerId: string): Promise<number> {
  for (const pid of await readdir('/proc')) {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (words.includes(workerId) && words.some((word) => word.endsWith('watchdog/main.js'))) return Number(pid);
  }
  throw new Error(`worker ${workerId} has no watchdog`);
}
