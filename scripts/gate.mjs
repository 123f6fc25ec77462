/**
 * `npm test`: what CI runs first, in order, stopping at the first failure. The last line is "N passed, N failed", which CI reads.
 * `npm test -- <words>`: builds, and runs the tests that the words select (select.mjs).
 */
import { runParts, selectedTests } from './parts.mjs';
import { build, bundle, bundledForTests, check, frugal, install, tool } from './steps.mjs';
import { runTests } from './tests.mjs';

const words = process.argv.slice(2);

const checks = () =>
  check({
    'types of the tests': [tool('tsc'), ['-b', 'tsconfig.tests.json']],
    'format and lint': [tool('biome'), ['check', '--error-on-warnings', '.']],
    'lint with types, import direction': [tool('oxlint'), ['--type-aware', '--deny-warnings'], { env: frugal }],
    'unused code': [tool('knip'), []],
  });

let outcome;
const tests = async () => {
  outcome = await runTests('gate', words);
};
await runParts({
  install,
  build: async () => {
    await build();
    await bundle(...bundledForTests);
  },
  ...(words.length === 0 ? { checks, tests } : { [selectedTests]: tests }),
});
process.stdout.write(`${outcome.summary}\n`);
process.exitCode = outcome.code;
