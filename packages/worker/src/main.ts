/**
 * The worker process: `node main.js [--profiles file] [--places n] [--stop-with-stdin]`; everything else by environment (README, "Options").
 * Standard output: one JSON line `{"kind":"worker","workerId","seat","terminationGraceMs"}` when it serves and its spares are ready;
 * `terminationGraceMs`: how long after SIGTERM a supervisor must not kill it.
 *
 * First SIGTERM or SIGINT: drain; second: go at once. Exit code 0: every turn finished; 1: turns were handed to other workers;
 * 2: it could not start. A worker that lost its lease starts anew under a fresh workerId.
 */
import { parseArgs } from 'node:util';
import { createLogger, describeError, type LogLevel, toErrorBody } from '@hearth/shared';
import { readProfiles, type WorkerOptions } from './options.js';
import { Worker } from './worker.js';

/** A lost lease is followed by a new incarnation, not sooner than this, ms. */
const rebornAfterMs = 1_000;

const log = createLogger('hearth-worker', (process.env['HEARTH_LOG_LEVEL'] as LogLevel | undefined) ?? 'info');
let worker: Worker | undefined;
let signals = 0;

async function serve(options: WorkerOptions): Promise<void> {
  const incarnation = new Worker(options, log);
  worker = incarnation;
  incarnation.once('lost', () => {
    worker = undefined;
    if (signals === 0) setTimeout(() => void serve(options).catch(fail), rebornAfterMs);
    else process.exit(1);
  });
  const { workerId, seat } = await incarnation.start();
  await incarnation.warm();
  process.stdout.write(
    `${JSON.stringify({ kind: 'worker', workerId, seat, terminationGraceMs: incarnation.terminationGraceMs })}\n`,
  );
}

function fail(error: unknown): void {
  log.fatal({ err: error }, describeError(toErrorBody(error)));
  process.exit(2);
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    signals += 1;
    if (worker === undefined) process.exit(1);
    if (signals === 1) {
      log.info({ signal }, 'stopping; the same signal again stops at once');
      worker.stop().then(({ abandoned }) => process.exit(abandoned === 0 ? 0 : 1), fail);
    } else {
      // The guard sees our pipe close and ends every agent.
      log.warn({ signal }, 'stopping at once');
      process.exit(1);
    }
  });
}
process.on('unhandledRejection', fail);

try {
  const { values } = parseArgs({
    options: { profiles: { type: 'string' }, places: { type: 'string' }, 'stop-with-stdin': { type: 'boolean' } },
  });
  // For whoever starts workers as children: its own death closes the pipe.
  if (values['stop-with-stdin']) process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM')).resume();
  const profiles = values.profiles ?? process.env['HEARTH_PROFILES'];
  await serve({
    ...(profiles ? { profiles: readProfiles(profiles) } : {}),
    ...(values.places === undefined ? {} : { places: Number(values.places) }),
  });
} catch (error) {
  fail(error);
}
