import { spawn } from 'node:child_process';
import { runVariable } from './leaked-processes.js';

/** Waits until its stdin closes, whatever closed it; then kills what carries the run's mark and removes the folder. */
const script = `
read -r _
for file in $(grep -lzs -e "^${runVariable}=$1\\$" -e "^TMPDIR=$2\\$" /proc/[0-9]*/environ); do
  pid=\${file#/proc/}
  kill -9 "\${pid%/environ}"
done
rm -rf "$2"
`;

/**
 * Cleans up after a run that never came to its end: vitest dies of Ctrl-C, TERM and KILL without tearing down, and
 * Redis and most of what tests start is detached.
 * @returns a function that calls it off.
 */
export function reapIfWeDie(run: string, folder: string): () => void {
  const { [runVariable]: _, TMPDIR: __, ...unmarked } = process.env;
  const reaper = spawn('sh', ['-c', script, 'reaper', run, folder], {
    // Ctrl-C must not reach it with the rest.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: unmarked,
  });
  reaper.on('error', () => undefined);
  // It waits for us, not we for it.
  reaper.unref();
  return () => reaper.kill('SIGKILL');
}
