import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Set by the global set-up and inherited by all processes that tests start, except agents and watchdogs. */
export const runVariable = 'HEARTH_TEST_RUN';
/** The mark of a worker's agents and all their descendants. */
const workerMark = 'HEARTH_MARK_WORKER';

/** The time limit of processes that were told to end, in ms. */
const endingMs = 5_000;

interface Seen {
  pid: number;
  /** `name=value` each. */
  environment: readonly string[];
  words: readonly string[];
}

/** Kills the remaining processes of a kind, and returns their descriptions. Linux only, because it reads /proc. */
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
      // It ended meanwhile, and is reported all the same because it ran too long.
    }
  }
  return left.map(({ pid, words }) => `a process: ${pid} ${words.join(' ')}`);
}

/** The processes that a run left: those with its mark, or with its folder for temporary files, as agents have. */
export const endMarked = (run: string, folder: string): Promise<string[]> =>
  end(({ environment, words }) => {
    const isOurs = environment.includes(`${runVariable}=${run}`) || environment.includes(`TMPDIR=${folder}`);
    // Vitest ends its own workers after this.
    return isOurs && !isVitest(words.join(' '));
  });

/** The processes that some workers left, each dead or told to end: agents, their descendants, and watchdogs. */
export async function endOfWorkers(workerIds: ReadonlySet<string>, withinMs?: number): Promise<string[]> {
  if (workerIds.size === 0) return [];
  // The first argument of a watchdog is its worker.
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

/** Processes with a variable of one test. */
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
        // It has ended meanwhile, or belongs to another user.
        return [];
      }
    }),
  );
  return found.flat();
}

const isVitest = (command: string): boolean =>
  /node_modules\/(?:\.pnpm\/\S+\/)?(?:vitest|tinypool|esbuild)/.test(command);
