import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalRedis } from '@hearth/local-redis';
import { Redis } from 'ioredis';
// The augmentation below needs the module in sight.
import type {} from 'vitest';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    redisUrl: string;
  }
}

/** Every process a test starts inherits this variable; what still carries it in the end has leaked. */
const runMark = 'HEARTH_TEST_RUN';

/** One Redis for the whole run (or `HEARTH_TEST_REDIS_URL`); in the end it checks that nothing leaked. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const run = randomUUID();
  process.env[runMark] = run;
  const folder = await mkdtemp(join(tmpdir(), 'hearth-test-redis-'));
  const given = process.env['HEARTH_TEST_REDIS_URL'] || undefined;
  const redis =
    given === undefined
      ? await startLocalRedis({ dataDir: folder, onProgress: (line) => process.stderr.write(`${line}\n`) })
      : undefined;
  project.provide('redisUrl', given ?? redis?.url ?? '');

  return async () => {
    const leaks = [...leakedProcesses(run, redis?.pid), ...(redis === undefined ? [] : await leakedInRedis(redis.url))];
    await redis?.stop();
    await rm(folder, { recursive: true, force: true });
    if (leaks.length > 0) {
      throw new Error(`the run leaked:\n${leaks.map((leak) => `  ${leak}`).join('\n')}`);
    }
  };
}

function leakedProcesses(run: string, redisPid: number | undefined): string[] {
  const leaks: string[] = [];
  for (const entry of process.platform === 'linux' ? readdirSync('/proc') : []) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid || pid === redisPid) continue;
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`${runMark}=${run}`)) continue;
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      // vitest's own workers are its business.
      if (command === '' || command.includes('vitest')) continue;
      leaks.push(`process ${pid}: ${command}`);
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone meanwhile.
    }
  }
  return leaks;
}

/** Tests delete what they made when they pass and keep it when they fail. */
async function leakedInRedis(url: string): Promise<string[]> {
  const redis = new Redis(url);
  try {
    const keys = await redis.keys('*');
    const clients =
      String(await redis.client('LIST'))
        .trim()
        .split('\n').length - 1;
    return [
      ...(keys.length > 0 ? [`${keys.length} keys in Redis, such as ${keys.slice(0, 3).join(', ')}`] : []),
      ...(clients > 0 ? [`${clients} connections to Redis`] : []),
    ];
  } finally {
    redis.disconnect();
  }
}
