import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalRedis } from '@hearth/local-redis';
import { Redis } from 'ioredis';
import type { TestProject } from 'vitest/node';
import { endMarked, runVariable } from './leaked-processes.js';
import { leakedConnections, leakedKeys } from './leaked-redis.js';
import { reapIfWeDie } from './reaper.js';

/** The machine's folder for temporary files: for results that are read after the run. */
export const tmpVariable = 'HEARTH_TEST_TMPDIR';

/** One Redis for the whole run: that of HEARTH_TEST_REDIS_URL, otherwise a new one. Leaks fail the run. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const run = randomBytes(6).toString('hex');
  process.env[runVariable] = run;
  const folder = await mkdtemp(join(tmpdir(), 'hearth-test-run-'));
  process.env[tmpVariable] ??= tmpdir();
  // Inherited by agents and their descendants, and so the mark of surviving processes.
  process.env['TMPDIR'] = folder;
  const callOffReaper = reapIfWeDie(run, folder);
  const server = await startRedis(join(folder, 'redis'));
  const redis = new Redis(server.url);
  const keysBefore = new Set(await redis.keys('*'));
  project.provide('redisUrl', server.url);
  return async () => {
    const leaks = await leakedKeys(redis, keysBefore);
    // On an external Redis other connections are not checked.
    if (server.isOurs) leaks.push(...(await leakedConnections(redis)));
    redis.disconnect();
    await server.stop();
    leaks.push(...(await endMarked(run, folder)));
    callOffReaper();
    await rm(folder, { recursive: true, force: true });
    if (leaks.length === 0) return;
    // Vitest prints the error of a tear-down, but does not fail.
    process.exitCode = 1;
    throw new Error(`The run left behind:\n${leaks.join('\n')}`);
  };
}

async function startRedis(dataDir: string): Promise<{ url: string; isOurs: boolean; stop: () => Promise<void> }> {
  const given = process.env['HEARTH_TEST_REDIS_URL'];
  if (given) return { url: given, isOurs: false, stop: async () => undefined };
  const server = await startLocalRedis({ dataDir, onProgress: (line) => process.stderr.write(`${line}\n`) });
  return { url: server.url, isOurs: true, stop: () => server.stop() };
}
