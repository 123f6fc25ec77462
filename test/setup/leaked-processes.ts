import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Set by the global set-up and inherited by whatever a test starts, and by whatever that starts; but not by agents, nor by watchdogs. */
export const runVariable = 'HEARTH_TEST_RUN';
/** The mark of a worker's agents, and of all they start. */
const workerMark = 'HEARTH_MARK_WORKER';

/** How long processes that were told to end may take, ms. */
const endingMs = 5_000;

interface Seen {
  pid: number;
  /** `name=value` each. */
  environment: readonly string[];
  words: readonly string[];
}

/** Kills what is still there of a kind, and says what it was. Linux only: elsewhere there is no /proc to read. */
async function end(isOfKind: (seen: Seen) => boolean, withinMs = endingMs): Promise<string[]> {
  let left = await processes(isOfKind);
  for (const startedAt = performance.now(); left.length > 0; left = await processes(isOfKind)) {
    if (performance.now() - startedAt > withinMs) break;
    await sleep(50);
  }
  for (const { pid } of left) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended meanwhile: still it was there too long.
    }
  }
  return left.map(({ pid, words }) => `a process: ${pid} ${words.join(' ')}`);
}

/** What a run left: whatever has its mark, or its folder for temporary files, as agents have. */
export const endMarked = (run: string, folder: string): Promise<string[]> =>
  end(({ environment, words }) => {
    const isOurs = environment.includes(`${runVariable}=${run}`) || environment.includes(`TMPDIR=${folder}`);
    // Vitest ends its own workers after this.
    return isOurs && !isVitest(words.join(' '));
  });

/** What some workers left, each dead or told to end: their agents, what those started, and their watchdogs. */
export async function endOfWorkers(workerIds: ReadonlySet<string>, withinMs?: number): Promise<string[]> {
  if (workerIds.size === 0) return [];
  // A watchdog is told whose it is in its first argument.
  const guarded = ({ words }: Seen): string =>
    words[words.findIndex((word) => word.endsWith('watchdog/main.js')) + 1] ?? '';
  const marked = ({ environment }: Seen): string => {
    const mark = environment.find((variable) => variable.startsWith(`${workerMark}=`));
    return mark?.slice(workerMark.length + 1) ?? '';
  };
  const isTheirs = (workerId: string): boolean => workerId !== '' && workerIds.has(workerId);
  return end((seen) => isTheirs(marked(seen)) || (isWatchdog(seen) && isTheirs(guarded(seen))), withinMs);
}

const isWatchdog = ({ words }: Seen): boolean => words.some((word) => word.endsWith('watchdog/main.js'));

/** What has a variable of a test's own. */
export const endWith = (name: string, value: string): Promise<string[]> =>
  end(({ environment }) => environment.includes(`${name}=${value}`));

async function processes(isOfKind: (seen: Seen) => boolean): Promise<Seen[]> {
  const pids = (await readdir('/proc').catch(() => [])).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  const found = await Promise.all(
    pids.map(async (pid): Promise<Seen[]> => {
      try {
        const [environment, words] = await Promise.all(
          ['environ', 'cmdline'].map(async (file) => (await readFile(`/proc/${pid}/${file}`, 'utf8')).split('\0')),
        );
        const seen = { pid, environment: environment ?? [], words: words ?? [] };
        return isOfKind(seen) ? [seen] : [];
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
