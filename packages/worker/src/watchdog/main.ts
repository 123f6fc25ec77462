/**
 * The watchdog: a small process beside each worker that kills its agents, and everything they started, when the worker falls silent
 * (P5). It does not use Redis. The worker sends it a beat after each confirmed renewal of its lease.
 *
 * Arguments: workerId, and the silence allowed, ms, counted from when the renewal was sent.
 * Standard input: lines `beat <when the renewal was sent, ns of the monotonic clock>`. Its end means that the worker is gone.
 * Standard output: `ready`, then `killed <n>` each time it acted.
 *
 * G1 When the worker is silent for too long, or the input ended, it kills every marked process until a look finds none.
 * G2 While the worker stays silent it looks again, because processes may have been forked meanwhile.
 * G3 It ends only after its input has ended and a last look found none.
 */
import { createInterface } from 'node:readline';
import { killMarked, workerMark } from '../processes/marked.js';

const [workerId = '', silenceText = '10000'] = process.argv.slice(2);
const silenceNs = BigInt(silenceText) * 1_000_000n;
/** How often the watchdog compares the clock with the last beat. */
const lookEveryMs = 50;

let deadlineNs: bigint | undefined;
let ended = false;

const say = (line: string): void => {
  // The worker's end of the pipe may be gone. That is one of the cases the watchdog exists for.
  process.stdout.write(`${line}\n`, () => undefined);
};
process.stdout.on('error', () => undefined);
// Ctrl-C in a terminal reaches the whole process group. The watchdog must outlive its worker.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  const [word, sent = ''] = line.split(' ');
  if (word === 'beat') deadlineNs = BigInt(sent) + silenceNs;
});
input.on('close', () => {
  ended = true;
  void look();
});

let looking: Promise<void> | undefined;
function look(): Promise<void> {
  looking ??= act().finally(() => {
    looking = undefined;
    if (!ended) setTimeout(() => void look(), lookEveryMs);
    else void killMarked(workerMark, workerId).then(() => process.exit(0));
  });
  return looking;
}

async function act(): Promise<void> {
  const silent = deadlineNs !== undefined && process.hrtime.bigint() > deadlineNs;
  if (!silent && !ended) return;
  const killed = await killMarked(workerMark, workerId);
  if (killed > 0) say(`killed ${killed}`);
}

say('ready');
void look();
