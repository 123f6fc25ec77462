/**
 * `npm run test:wide`: the tests that need volume (`*.wide.test.ts`), which CI runs after the gate. The last line is "N passed,
 * N failed", as the gate's. `npm run test:wide -- <words>`: the tests that the words select.
 */
import { runParts, selectedTests } from './parts.mjs';
import { build, bundle, bundledForTests, install } from './steps.mjs';
import { runTests } from './tests.mjs';

const words = process.argv.slice(2);
let outcome;
await runParts({
  install,
  build: async () => {
    await build();
    await bundle(...bundledForTests);
  },
  [words.length === 0 ? 'wide tests' : selectedTests]: async () => {
    outcome = await runTests('wide', words);
  },
});
process.stdout.write(`${outcome.summary}\n`);
process.exitCode = outcome.code;
