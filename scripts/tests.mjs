/** Runs vitest and counts what its JSON report says. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, tool } from './steps.mjs';

export async function runTests(args) {
  const folder = mkdtempSync(join(tmpdir(), 'hearth-gate-'));
  try {
    const file = join(folder, 'report.json');
    const code = await run(tool('vitest'), [
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
      ...args,
    ]);
    return judge(code, readReport(file));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    process.stderr.write('vitest left no report\n');
    return { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };
  }
}

function judge(vitestCode, report) {
  const passed = report.numPassedTests;
  const skipped = report.numPendingTests + report.numTodoTests;
  if (passed === 0) process.stderr.write('no test has passed: that is a failure too\n');
  const code = vitestCode === 0 && passed === 0 ? 1 : vitestCode;
  // A file that cannot be loaded, or a leak found at the end, fails no single test: still it is counted.
  const failed = code === 0 ? report.numFailedTests : Math.max(report.numFailedTests, 1);
  const summary = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
  return { code, summary };
}
