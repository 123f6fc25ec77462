import { readdirSync, readFileSync } from 'node:fs';
import type { Recorder } from '../recorder.js';
import { parentOf } from './processes.js';

/** How often it is measured, ms. */
const everyMs = 1_000;
/** Of so little work nothing can be told, ms. */
const leastWorkMs = 5;

/** Nanoseconds a process has run, and waited for a processor. */
interface Times {
  ran: number;
  waited: number;
}

/**
 * Writes down how much longer the workers and what they started took for their work than they would have on a machine of their own, as
 * the kernel counts it: a promise of seconds is about a machine that has time. Returns what ends it. Linux only.
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

/** Of the workers, and of all they started. */
function timesOf(workers: readonly number[]): Map<number, Times> {
  const times = new Map<number, Times>();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const pid = Number(entry);
    if (!workers.includes(pid) && !workers.includes(parentOf(pid))) continue;
    try {
      const [ran = 0, waited = 0] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ').map(Number);
      times.set(pid, { ran, waited });
    } catch {
      // It has ended.
    }
  }
  return times;
}
