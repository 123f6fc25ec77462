import { spawn } from 'node:child_process';
import { runVariable } from './leaked-processes.js';

/** Waits until its stdin closes; then kills the processes with the run's mark and removes the folder. */
const script = `
read -r _
for file in $(grep -lzs -e "^${runVariable}=$1\\$" -e "^TMPDIR=$2\\$" /proc/[0-9]*/environ); do
  pid=\${file#/proc/}
  kill -9 "\${pid%/environ}"
done
rm -rf "$2"
`;

/**
 * Cleans up after an aborted run: vitest ends at Ctrl-C, TERM and KILL without a tear-down, and Redis and most of the started processes
 * are detached.
 * @returns a function that calls it off.
 */
export function reapIfWeDie(run: string, folder: string): () => void {
  const { [runVariable]: _, TMPDIR: __, ...unmarked } = process.env;
  const reaper = spawn('sh', ['-c', script, 'reaper', run, folder], {
    // In a group of its own, so that Ctrl-C does not reach it.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: unmarked,
  });
  reaper.on('error', () => undefined);
  // The run does not wait for it.
  reaper.unref();
  return () => reaper.kill('SIGKILL');
}
