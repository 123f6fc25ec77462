import { expect, test } from 'vitest';

interface Progress {
  begin(file: string): void;
  count(state: 'passed' | 'failed' | 'skipped'): void;
  end(file: string): void;
  left: number;
  line: string;
}
/** Plain JavaScript, without declarations. */
const { Progress, slowest } = (await import(new URL('../../scripts/progress.mjs', import.meta.url).href)) as {
  Progress: new (expected: ReadonlyMap<string, number>, workers: number, now: () => number) => Progress;
  slowest: (tests: readonly { seconds: number; file: string; title: string }[], most?: number) => string[];
};

/** Two files of ten seconds each, one after the other, and a clock that the test sets. */
function started() {
  const clock = { seconds: 0 };
  const expected = new Map([
    ['test/e2e/a.test.ts', 10],
    ['test/e2e/b.test.ts', 10],
  ]);
  return { clock, progress: new Progress(expected, 1, () => clock.seconds) };
}

test('names the running file, the counts and the time that is left', () => {
  const { clock, progress } = started();
  progress.begin('test/e2e/a.test.ts');
  progress.count('passed');
  progress.count('failed');
  clock.seconds = 5;
  expect(progress.line).toBe('1 passed, 1 failed · 0 of 2 files · 0:05 gone, about 0:20 to go · now e2e/a');
});

test('expects more time for the rest when the run is slower than the recorded one', () => {
  const { clock, progress } = started();
  clock.seconds = 30;
  progress.end('test/e2e/a.test.ts');
  expect(progress.left).toBe(30);
});

test('lists the slowest tests first, and none that takes no time', () => {
  const tests = [0.01, 2, 11.26].map((seconds) => ({ seconds, file: 'f', title: 't' }));
  expect(slowest(tests, 2)).toEqual(['  11.3 s  f › t', '   2.0 s  f › t']);
});
