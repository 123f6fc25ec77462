import { expect, test } from 'vitest';

/** Plain JavaScript, without declarations. */
const { select } = (await import(new URL('../../scripts/select.mjs', import.meta.url).href)) as {
  select: (words: readonly string[], files: readonly string[]) => string[];
};

const files = ['test/e2e/takeover.test.ts', 'test/e2e/drain.test.ts', 'packages/shared/test/claim.test.ts'];

test.each([
  { words: [], selected: [] },
  { words: ['e2e'], selected: ['e2e'] },
  { words: ['takeover', 'claim'], selected: ['takeover', 'claim'] },
  { words: ['keeps', 'the', 'spare'], selected: ['--testNamePattern', 'keeps the spare'] },
  { words: ['drain', 'exit code (1)'], selected: ['drain', '--testNamePattern', 'exit code \\(1\\)'] },
])(
  'takes $words as paths of files where they stand in one, and as a part of the titles else',
  ({ words, selected }) => {
    expect(select(words, files)).toEqual(selected);
  },
);
