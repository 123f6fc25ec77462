/**
 * `npm test`: everything CI runs, in order, stopping at the first failure. Arguments go to vitest
 * (`npm test -- packages/shared`). The last line is "N passed, N failed", which CI reads.
 */
import { build, install, run, step, tool } from './steps.mjs';
import { runTests } from './tests.mjs';

await install();
await build();
await step('types of the tests', () => run(tool('tsc'), ['-b', 'tsconfig.tests.json']));
await step('format and lint', () => run(tool('biome'), ['check', '--error-on-warnings', '.']));
await step('lint with types, import direction', () => run(tool('oxlint'), ['--type-aware', '--deny-warnings']));
await step('unused code', () => run(tool('knip'), []));

const { code, summary } = await runTests(process.argv.slice(2));
process.stdout.write(`${summary}\n`);
process.exitCode = code;
