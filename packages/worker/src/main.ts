/**
 * The worker process: `node main.js [--profiles file] [--slots n] [--stop-with-stdin]`; everything else by environment (README, "Options").
 * Standard output: one JSON line `{"kind":"worker","workerId","workerNumber","terminationGraceMs"}` when it serves and its spares are ready;
 * `terminationGraceMs`: how long after SIGTERM a supervisor must not kill it.
 *
 * First SIGTERM or SIGINT: drain; second: go at once. Exit code 0: every turn that ran finished (those that waited go to other workers);
 * 1: one that ran was cut off, and goes to another worker; 2: it could not start. A worker that lost its lease starts anew under a
 * fresh workerId, as soon as Redis answers and takes writes.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Backoff, createProcessLogger, describeError, type ErrorCode, HearthError, toErrorBody } from '@hearth/shared';
import { readProfiles, type WorkerOptions } from './options.js';
import { Worker } from './worker.js';

/** A lost lease is followed by a new incarnation, not sooner than this, ms. */
const rebornAfterMs = 1_000;
/** How often a worker that lost its lease tries to begin anew, ms: at first, and at last. */
const againMs = { firstMs: 500, atMostMs: 2_000 };
/** What does not pass by itself. */
const lasting: ReadonlySet<ErrorCode> = new Set(['invalid_options', 'redis_too_old', 'redis_evicting']);

/** A stop that is not done is broken off so long before its time is over, ms. */
const leavingMs = 500;

const log = createProcessLogger('hearth-worker');
let worker: Worker | undefined;
let signals = 0;

async function serve(options: WorkerOptions): Promise<void> {
  const incarnation = new Worker(options, log);
  worker = incarnation;
  incarnation.once('lost', () => {
    worker = undefined;
    pause(rebornAfterMs)
      .then(() => serveAgain(options))
      .catch(fail);
  });
  const started = await incarnation.start();
  await incarnation.warm();
  const { terminationGraceMs } = incarnation;
  if (started !== undefined)
    process.stdout.write(`${JSON.stringify({ kind: 'worker', ...started, terminationGraceMs })}\n`);
}

/** Redis may still be away, or refuse writes: that was no reason to end before, and is none now. */
async function serveAgain(options: WorkerOptions): Promise<void> {
  const backoff = new Backoff({ ...againMs, holdMs: 0 });
  let told: string | undefined;
  for (;;) {
    try {
      return await serve(options);
    } catch (error) {
      if (error instanceof HearthError && lasting.has(error.code)) throw error;
      const why = describeError(toErrorBody(error));
      if (why !== told) log.warn({ err: error }, 'the worker cannot begin anew; it tries again until it can');
      told = why;
      await pause(backoff.failed());
    }
  }
}

/** The watchdog sees our pipe close and ends every agent; the lease ends by itself. */
function leave(why: string): never {
  log.warn(why);
  process.exit(1);
}

function fail(error: unknown): void {
  log.fatal({ err: error }, describeError(toErrorBody(error)));
  process.exit(2);
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    signals += 1;
    // Between two incarnations nothing is in hand.
    if (worker === undefined) process.exit(0);
    if (signals === 1) {
      log.info({ signal }, 'stopping; the same signal again stops at once');
      worker.stop().then(({ abandoned }) => process.exit(abandoned === 0 ? 0 : 1), fail);
      // Whoever was told how long it takes at most kills it then.
      setTimeout(() => leave('not done in time; stopping at once'), worker.terminationGraceMs - leavingMs);
    } else leave('stopping at once');
  });
}
process.on('unhandledRejection', fail);

try {
  const { values } = parseArgs({
    options: { profiles: { type: 'string' }, slots: { type: 'string' }, 'stop-with-stdin': { type: 'boolean' } },
  });
  // For whoever starts workers as children: its own death closes the pipe.
  if (values['stop-with-stdin']) process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM')).resume();
  const profiles = values.profiles ?? process.env['HEARTH_PROFILES'];
  await serve({
    ...(profiles ? { profiles: readProfiles(profiles) } : {}),
    ...(values.slots === undefined ? {} : { slots: Number(values.slots) }),
  });
} catch (error) {
  fail(error);
}
