import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findRedisServer, type Surroundings, startLocalRedis } from '../src/index.js';
import { withFolder } from './folder.js';

const yes = async (): Promise<boolean> => true;
const no = async (): Promise<boolean> => false;
const bare: Surroundings = { path: '', platform: 'linux', hasApt: no, hasDocker: no };

it('a server on PATH comes before packages and Docker', () =>
  withFolder(async (folder) => {
    const program = join(folder, 'valkey-server');
    await writeFile(program, '#!/bin/sh\n');
    await chmod(program, 0o755);
    const surroundings = { ...bare, path: `/nowhere:${folder}`, hasApt: yes, hasDocker: yes };
    expect(await findRedisServer({ cacheDir: folder, surroundings })).toEqual({ origin: 'path', program });
  }));

it('Debian packages come before Docker, and are found without a download', () =>
  withFolder(async (cacheDir) => {
    const surroundings = { ...bare, hasApt: yes, hasDocker: yes };
    const found = await findRedisServer({ cacheDir, surroundings });
    expect(found).toEqual({ origin: 'debian-package', program: undefined });
  }));

it('a Docker engine is the last choice', () =>
  withFolder(async (cacheDir) => {
    const found = await findRedisServer({ cacheDir, surroundings: { ...bare, hasDocker: yes } });
    expect(found).toEqual({ origin: 'docker' });
  }));

it.each([
  ['darwin', 'brew install redis'],
  ['linux', 'dnf install redis'],
  ['win32', 'docker run'],
] as const)('on %s without any of them, the error names the command: %s', (platform, command) =>
  withFolder(async (dataDir) => {
    const start = startLocalRedis({ dataDir, cacheDir: dataDir, surroundings: { ...bare, platform } });
    await expect(start).rejects.toMatchObject({
      code: 'redis_not_found',
      message: expect.stringContaining(command) as string,
    });
  }),
);
