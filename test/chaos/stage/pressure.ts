import { readdirSync, readFileSync } from 'node:fs';
import type { Recorder } from '../recorder.js';
import { parentOf } from './processes.js';

/** The interval of measurements, in ms. */
const everyMs = 1_000;
/** The minimum work of a measurement, in ms: less is too inaccurate. */
const leastWorkMs = 5;

/** Nanoseconds that a process has run, and waited for a processor. */
interface Times {
  ran: number;
  waited: number;
}

/**
 * Records how many times longer the workers and their children took than on an idle machine, by the accounting of the kernel: a bound
 * in seconds assumes a machine that has time. Returns a function that ends it. Linux only.
 */
export function watchPressure(workers: () => readonly number[], recorder: Recorder): () => void {
  let before = timesOf(workers());
  const timer = setInterval(() => {
    const now = timesOf(workers());
    let [ran, waited] = [0, 0];
    for (const [pid, times] of now) {
      const then = before.get(pid) ?? { ran: 0, waited: 0 };
      ran += times.ran - then.ran;
      waited += times.waited - then.waited;
    }
    before = now;
    if (ran > leastWorkMs * 1e6) recorder.note({ kind: 'pace', forMs: everyMs, slower: round((ran + waited) / ran) });
  }, everyMs);
  return () => clearInterval(timer);
}

const round = (factor: number): number => Math.round(factor * 100) / 100;

/** The sum over the workers and all their descendants. */
function timesOf(workers: readonly number[]): Map<number, Times> {
  const times = new Map<number, Times>();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const pid = Number(entry);
    if (!workers.includes(pid) && !workers.includes(parentOf(pid))) continue;
    try {
      const [ran = 0, waited = 0] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ').map(Number);
      times.set(pid, { ran, waited });
    } catch {
      // The process has ended.
    }
  }
  return times;
}
