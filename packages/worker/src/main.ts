/**
 * The worker process: `node main.js [--profiles file] [--slots n] [--stop-with-stdin]`. Everything else comes from the environment
 * (docs: options).
 *
 * Standard output: one JSON line `{"kind":"worker","workerId","workerNumber","terminationGraceMs"}` when it serves and its first spares
 * are ready. A supervisor must wait `terminationGraceMs` after SIGTERM before it kills.
 *
 * The first SIGTERM or SIGINT drains, the second ends at once. Exit code 0: every running turn finished (waiting turns go to other
 * workers). 1: a running turn was cut off and goes to another worker. 2: the worker could not start. A worker that lost its lease
 * starts again under a new workerId, as soon as Redis answers and takes writes.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { describeError, type ErrorCode, HearthError, toErrorBody } from '@hearth/shared';
import { Backoff, createProcessLogger } from '@hearth/shared/internal';
import { endProcess, exitNow, watchOutput } from '@hearth/shared/program-end';
import { readProfiles, type WorkerOptions } from './options.js';
import { Worker } from './worker.js';

/** A new incarnation follows a lost lease after this, ms. */
const restartAfterMs = 1_000;
/** Back-off between starts after a lost lease, ms. */
const restartBackoff = { firstMs: 500, atMostMs: 2_000, holdMs: 0 };
/** Errors that do not pass by themselves. */
const lastingErrors: ReadonlySet<ErrorCode> = new Set(['invalid_options', 'redis_too_old', 'redis_evicting']);

/** A stop that is not done so long before its time is over is broken off, ms. */
const leavingMs = 500;

const log = createProcessLogger('hearth-worker');
let worker: Worker | undefined;
let signals = 0;

async function serve(options: WorkerOptions): Promise<void> {
  const incarnation = new Worker(options, log);
  worker = incarnation;
  incarnation.once('lost', () => {
    worker = undefined;
    pause(restartAfterMs)
      .then(() => serveAgain(options))
      .catch(fail);
  });
  const started = await incarnation.start();
  await incarnation.warm();
  const { terminationGraceMs } = incarnation;
  if (started !== undefined)
    process.stdout.write(`${JSON.stringify({ kind: 'worker', ...started, terminationGraceMs })}\n`);
}

/** Starts again until it works, because Redis may still be away or refuse writes. */
async function serveAgain(options: WorkerOptions): Promise<void> {
  const backoff = new Backoff(restartBackoff);
  let loggedReason: string | undefined;
  for (;;) {
    try {
      return await serve(options);
    } catch (error) {
      if (error instanceof HearthError && lastingErrors.has(error.code)) throw error;
      const reason = describeError(toErrorBody(error));
      if (reason !== loggedReason)
        log.warn({ event: 'worker.restart_failed', err: error }, 'the worker cannot start again; it keeps trying');
      loggedReason = reason;
      await pause(backoff.failed());
    }
  }
}

/** Ends the process at once. The watchdog sees the pipe close and kills every agent. The lease expires. */
function leave(why: string): never {
  log.warn({ event: 'worker.left' }, why);
  exitNow(1);
}

function fail(error: unknown): void {
  log.fatal({ event: 'worker.failed', err: error }, describeError(toErrorBody(error)));
  void endProcess(2);
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    signals += 1;
    // Between two incarnations no turn runs.
    if (worker === undefined) exitNow(0);
    if (signals === 1) {
      log.info({ event: 'worker.signalled', signal }, 'stopping; the same signal again stops at once');
      worker.stop().then(({ abandoned }) => endProcess(abandoned === 0 ? 0 : 1), fail);
      // A supervisor kills the process when the grace is over.
      setTimeout(() => leave('not done in time; stopping at once'), worker.terminationGraceMs - leavingMs);
    } else leave('stopping at once');
  });
}
process.on('unhandledRejection', fail);
watchOutput();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { profiles: { type: 'string' }, slots: { type: 'string' }, 'stop-with-stdin': { type: 'boolean' } },
  });
  // Stop when the parent process dies: its end of this pipe closes.
  if (values['stop-with-stdin']) process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM')).resume();
  const profiles = values.profiles ?? process.env['HEARTH_PROFILES'];
  await serve({
    ...(profiles ? { profiles: readProfiles(profiles) } : {}),
    ...(values.slots === undefined ? {} : { slots: Number(values.slots) }),
  });
}
main().catch(fail);
