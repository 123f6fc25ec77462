import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { fetchedServer, hasApt } from './debian.js';
import { LocalRedisError } from './errors.js';

/** A server that can be started: a program, a program that must be fetched first, or a container. */
export type RedisServer =
  | { origin: 'path'; program: string }
  | { origin: 'debian-package'; program: string | undefined }
  | { origin: 'docker' };

/** What a search looks at. A test replaces parts of it, to act as a machine without Redis. */
export interface Surroundings {
  path: string;
  platform: NodeJS.Platform;
  hasApt: () => Promise<boolean>;
  hasDocker: () => Promise<boolean>;
}

export interface FindOptions {
  cacheDir: string;
  surroundings?: Partial<Surroundings> | undefined;
}

const names = ['redis-server', 'valkey-server'];

/**
 * Finds the server to use, in this order: on PATH, a Debian package (fetched without root), a Docker engine.
 *
 * @throws LocalRedisError `redis_not_found`
 */
export async function findRedisServer({ cacheDir, surroundings }: FindOptions): Promise<RedisServer> {
  const { path, platform, ...has } = { ...realSurroundings(), ...surroundings };
  for (const folder of path.split(delimiter).filter(Boolean)) {
    const name = names.find((candidate) => isExecutable(join(folder, candidate)));
    if (name !== undefined) return { origin: 'path', program: join(folder, name) };
  }
  if (platform === 'linux' && (await has.hasApt())) {
    return { origin: 'debian-package', program: fetchedServer(cacheDir) };
  }
  if (await has.hasDocker()) return { origin: 'docker' };
  throw new LocalRedisError(
    'redis_not_found',
    `No redis-server or valkey-server on PATH, no Debian packages, no Docker engine. ${howToInstall(platform)}`,
  );
}

function realSurroundings(): Surroundings {
  return { path: process.env['PATH'] ?? '', platform: process.platform, hasApt, hasDocker };
}

/** Whether a Docker engine answers. The client alone is not enough, so this runs `info`. */
async function hasDocker(): Promise<boolean> {
  const { failed } = await execa('docker', ['info'], { timeout: 5_000, stdio: 'ignore', reject: false });
  return !failed;
}

function howToInstall(platform: NodeJS.Platform): string {
  if (platform === 'darwin') return 'Install it with `brew install redis`, or set REDIS_URL.';
  if (platform === 'linux') {
    return 'Install it with your package manager (`dnf install redis`, `apk add redis`, `pacman -S valkey`), or set REDIS_URL.';
  }
  return 'Start one elsewhere (`docker run -p 6379:6379 redis:7 --maxmemory-policy noeviction`) and set REDIS_URL.';
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
