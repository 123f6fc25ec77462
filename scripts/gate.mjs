/**
 * `npm test`: everything CI runs, in order, stopping at the first failure. Arguments go to vitest
 * (`npm test -- packages/shared`). The last line is "N passed, N failed", which CI reads.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, install, run, step, tool } from './steps.mjs';

await install();
await build();
await step('types of the tests', () => run(tool('tsc'), ['-b', 'tsconfig.tests.json']));
await step('format and lint', () => run(tool('biome'), ['check', '.']));
await step('lint with types, import direction', () => run(tool('oxlint'), ['--type-aware', '--deny-warnings']));
await step('roots', () => run(process.execPath, ['scripts/check-roots.mjs']));
await step('unused code', () => run(tool('knip'), []));

const folder = mkdtempSync(join(tmpdir(), 'hearth-gate-'));
const report = join(folder, 'report.json');
const code = await run(tool('vitest'), [
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  ...process.argv.slice(2),
]);
let counts = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 };
try {
  counts = JSON.parse(readFileSync(report, 'utf8'));
} catch {
  process.stderr.write('vitest left no report\n');
}
rmSync(folder, { recursive: true, force: true });
const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped } = counts;
process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
process.exit(code !== 0 ? code : passed === 0 ? 1 : 0);
