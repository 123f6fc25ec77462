import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { readProfiles, resolveWorkerOptions } from '../src/options.js';

afterEach(() => vi.unstubAllEnvs());

test('prefers an option to the environment, and the environment to the default', () => {
  vi.stubEnv('HEARTH_SLOTS', '7');
  vi.stubEnv('HEARTH_HOME', '');
  expect(resolveWorkerOptions({}).slots).toBe(7);
  expect(resolveWorkerOptions({ slots: 3 }).slots).toBe(3);
  expect(resolveWorkerOptions({}).home).toMatch(/\.hearth$/);
  expect(resolveWorkerOptions({ leaseTtlMs: 5_000 }).leaseMarginMs).toBe(1_000);
  expect(Object.keys(resolveWorkerOptions({}).profiles)).toEqual(['default']);
});

test.each([
  [{ slots: 0 }, 'slots'],
  [{ leaseTtlMs: 10 }, 'leaseTtlMs'],
  [{ leaseTtlMs: 2_000, leaseMarginMs: 1_500 }, 'leaseMarginMs'],
  [{ redisUrl: 'localhost' }, 'redisUrl'],
  [{ profiles: { default: { extraArgs: ['--resume'] } } }, 'profiles.default.extraArgs'],
  [{ profiles: { default: { modell: 'x' } } }, 'profiles.default'],
])('%j fails at start with the field named', (options, field) => {
  expect(() => resolveWorkerOptions(options as never)).toThrow(
    expect.objectContaining({ code: 'invalid_options', field }),
  );
});

test('rejects a number in the environment that is not one, naming the option', () => {
  vi.stubEnv('HEARTH_SLOTS', 'many');
  expect(() => resolveWorkerOptions({})).toThrow(expect.objectContaining({ code: 'invalid_options', field: 'slots' }));
});

test('reads a profile file, and names one that cannot be read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-profiles-'));
  await writeFile(join(folder, 'ok.json'), '{"fast":{"model":"m"}}');
  await writeFile(join(folder, 'bad.json'), '{');
  expect(readProfiles(join(folder, 'ok.json'))).toMatchObject({ fast: { model: 'm' }, default: {} });
  expect(() => readProfiles(join(folder, 'bad.json'))).toThrow(
    expect.objectContaining({ code: 'invalid_options', field: 'profiles' }),
  );
  await rm(folder, { recursive: true });
});
