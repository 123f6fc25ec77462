import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { folderFault, hearthHome, isFileError, prepareFolder, redisUrlFrom } from '../src/internal.js';

afterEach(() => vi.unstubAllEnvs());

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'hearth-home-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const refusal = (code: string, path: string) => ({
  code,
  field: 'HEARTH_HOME',
  message: expect.stringContaining(path),
  wayOut: expect.stringContaining('HEARTH_HOME'),
});

test('creates a folder, and leaves nothing in it', async () => {
  const home = join(folder(), 'a/b');
  await prepareFolder(home);
  expect(await folderFault(home)).toBeUndefined();
  expect(readdirSync(home)).toEqual([]);
});

test('refuses a file in place of the folder, or of its parent, by path', async () => {
  const file = join(folder(), 'file');
  writeFileSync(file, '');
  await expect(prepareFolder(file)).rejects.toMatchObject(refusal('home_unusable', file));
  await expect(prepareFolder(join(file, 'in'))).rejects.toMatchObject(refusal('home_unusable', file));
});

test('refuses a folder that cannot be written by path', async () => {
  // No user can create a folder in /sys.
  await expect(prepareFolder('/sys/hearth')).rejects.toMatchObject(refusal('home_unusable', '/sys/hearth'));
});

test('tells a full disk', async () => {
  const home = folder();
  // Every write to /dev/full fails with ENOSPC.
  symlinkSync('/dev/full', join(home, '.probe'));
  expect(await folderFault(home)).toMatchObject(refusal('disk_full', home));
});

test('refuses a user without a home folder, who can still use a Redis', () => {
  vi.stubEnv('HOME', '');
  vi.stubEnv('HEARTH_HOME', '');
  vi.stubEnv('REDIS_URL', '');
  expect(() => hearthHome()).toThrow(expect.objectContaining(refusal('home_unusable', 'HOME is not set')));
  expect(redisUrlFrom(undefined)).toBe('redis://127.0.0.1:6379');
});

test('takes a binary that cannot be started for no file error', () => {
  const failed = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return error;
    }
  };
  expect(isFileError(failed(() => execFileSync('/nowhere/claude')))).toBe(false);
  expect(isFileError(failed(() => writeFileSync('/dev/full', 'x')))).toBe(true);
});
