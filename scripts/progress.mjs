/** The progress of the gate's tests, as text. */
import { clock } from './durations.mjs';

/** Counts the tests that have ended, and estimates the rest of the run from how long its files took last time. */
export class Progress {
  /** @param expected seconds by file @param workers how many files run side by side */
  constructor(expected, workers, now = () => performance.now() / 1000) {
    this.expected = expected;
    this.workers = workers;
    this.now = now;
    this.startedAt = now();
    this.counts = { passed: 0, failed: 0, skipped: 0 };
    this.running = new Set();
    this.done = new Set();
  }

  begin(file) {
    this.running.add(file);
  }

  count(state) {
    this.counts[state] = (this.counts[state] ?? 0) + 1;
  }

  end(file) {
    this.running.delete(file);
    this.done.add(file);
  }

  /** Seconds until the end: the files that are left, at the speed of this run where it is slower than the last. */
  get left() {
    const all = sum(this.expected.values());
    const done = sum([...this.done].map((file) => this.expected.get(file) ?? 0));
    const gone = this.now() - this.startedAt;
    const planned = all / this.workers;
    // The first files alone do not show how fast the machine is.
    const slower = done / all > 0.1 ? gone / (done / this.workers) : 1;
    return Math.max(0, (planned - done / this.workers) * Math.max(1, slower));
  }

  get line() {
    const { passed, failed, skipped } = this.counts;
    const tests = [`${passed} passed`, `${failed} failed`, ...(skipped > 0 ? [`${skipped} skipped`] : [])].join(', ');
    const files = `${this.done.size} of ${this.expected.size} files`;
    const time = `${clock(this.now() - this.startedAt)} gone, about ${clock(this.left)} to go`;
    const now = [...this.running].map((file) => file.replace(/^(packages|test)\//, '').replace(/\.test\.ts$/, ''));
    return `${tests} · ${files} · ${time}${now.length > 0 ? ` · now ${now.join(', ')}` : ''}`;
  }
}

/** The slowest tests, one per line. Tests under 0.1 s are left out. */
export function slowest(tests, most = 10) {
  return tests
    .filter(({ seconds }) => seconds >= 0.1)
    .toSorted((one, other) => other.seconds - one.seconds)
    .slice(0, most)
    .map(({ seconds, file, title }) => `${seconds.toFixed(1).padStart(6)} s  ${file} › ${title}`);
}

const sum = (numbers) => [...numbers].reduce((total, number) => total + number, 0);
