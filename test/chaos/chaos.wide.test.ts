import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { tmpVariable } from '../setup/redis.js';
import { oneOfEach } from './faults/all.js';

const program = fileURLToPath(new URL('../dist/chaos/main.js', import.meta.url));

const moreThanNone: unknown = expect.toSatisfy((count: number) => count > 0);

test('a short run with one fault of each family breaks no promise', async () => {
  const args = ['--short', '--seed', '5', '--sessions', '6', '--lease-ms', '2500', '--json'];
  // After a failure the report must stay readable.
  const env = { TMPDIR: process.env[tmpVariable] ?? tmpdir() };
  const { stdout, stderr, exitCode } = await execa(process.execPath, [program, ...args], { env, reject: false });
  const lines = stdout.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.filter(({ kind }) => kind === 'violation')).toEqual([]);
  expect(exitCode, stderr).toBe(0);
  const report = lines.at(-1);
  expect(report).toMatchObject({
    kind: 'report',
    seed: 5,
    violations: 0,
    turns: expect.any(Number),
    takeovers: expect.any(Number),
    takeoverMs: { p50: expect.any(Number), p99: expect.any(Number), max: expect.any(Number) },
  });
  const page = String(report?.['page']);
  expect(await readFile(page, 'utf8')).toContain('0 violations');
  await rm(dirname(page), { recursive: true });
  // Each fault happened, and had an effect.
  const played = oneOfEach.map(({ name }) => name);
  expect(report?.['effects']).toEqual(Object.fromEntries(played.map((name) => [name, moreThanNone])));
}, 120_000);
