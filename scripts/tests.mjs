/** Runs vitest on the tests of the gate, or on the wide ones, and returns what its reporter counted. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { select } from './select.mjs';
import { root, run, tool } from './steps.mjs';

const configs = { gate: 'vitest.config.ts', wide: 'vitest.wide.config.ts' };

/**
 * @param kind `gate` or `wide`
 * @param words what to run of them (select.mjs); all of them without any
 * @returns the exit code, and the line that ends the gate
 */
export async function runTests(kind, words) {
  const folder = mkdtempSync(join(tmpdir(), 'hearth-gate-'));
  try {
    const report = join(folder, 'report.json');
    const reporter = join(root, 'scripts', 'gate-reporter.mjs');
    const args = ['run', '--config', configs[kind], '--reporter', reporter, ...select(words, testFiles(kind))];
    const code = await run(tool('vitest'), args, { env: { ...process.env, HEARTH_GATE_REPORT: report } });
    return judge(code, readReport(report));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function testFiles(kind) {
  return ['packages', 'test']
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
    .flatMap((folder) => (folder.startsWith('packages') ? join(folder, 'test') : folder))
    .flatMap(filesOf)
    .filter((file) => file.endsWith('.test.ts') && file.endsWith('.wide.test.ts') === (kind === 'wide'));
}

function filesOf(folder) {
  try {
    return readdirSync(join(root, folder), { recursive: true }).map((name) => join(folder, name));
  } catch {
    // A package without tests, or a file.
    return [];
  }
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    process.stderr.write('vitest left no report\n');
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

function judge(vitestCode, { passed, failed, skipped }) {
  if (passed === 0) process.stderr.write('no test has passed, which fails the gate\n');
  const code = vitestCode === 0 && passed === 0 ? 1 : vitestCode;
  // A file that does not load, or a leak found at the end, fails no single test but counts as a failure.
  const failures = code === 0 ? failed : Math.max(failed, 1);
  return { code, summary: `${passed} passed, ${failures} failed${skipped > 0 ? `, ${skipped} skipped` : ''}` };
}
