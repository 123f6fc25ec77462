import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Set by the global set-up and inherited by whatever a test starts, and by whatever that starts. */
export const runVariable = 'HEARTH_TEST_RUN';

/** How long processes that were told to end may take, ms. */
const endingMs = 5_000;

/** Kills what still carries the run's mark, and says what it was. Linux only: elsewhere there is no /proc to read. */
export async function endMarked(run: string): Promise<string[]> {
  let left = await marked(run);
  for (const startedAt = performance.now(); left.length > 0; left = await marked(run)) {
    if (performance.now() - startedAt > endingMs) break;
    await sleep(50);
  }
  for (const { pid } of left) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended meanwhile: still it was there too long.
    }
  }
  return left.map(({ pid, command }) => `a process: ${pid} ${command}`);
}

async function marked(run: string): Promise<{ pid: number; command: string }[]> {
  const pids = (await readdir('/proc').catch(() => [])).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  const found = await Promise.all(
    pids.map(async (pid) => {
      try {
        const environment = await readFile(`/proc/${pid}/environ`, 'latin1');
        if (!environment.split('\0').includes(`${runVariable}=${run}`)) return [];
        const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim();
        // Vitest ends its own workers after this.
        return isVitest(command) ? [] : [{ pid, command }];
      } catch {
        // It ended while we looked, or is another user's.
        return [];
      }
    }),
  );
  return found.flat();
}

const isVitest = (command: string): boolean =>
  /node_modules\/(?:\.pnpm\/\S+\/)?(?:vitest|tinypool|esbuild)/.test(command);
