import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { keptPrefixes } from './prefix.js';

/** How long the server may list a connection whose process has ended, in ms. */
const closingMs = 2_000;

/** New keys, except those that a failed test keeps. */
export async function leakedKeys(redis: Redis, before: ReadonlySet<string>): Promise<string[]> {
  const kept = await redis.smembers(keptPrefixes);
  await redis.del(keptPrefixes);
  const isKept = (key: string): boolean => kept.some((prefix) => key.includes(prefix));
  const left = (await redis.keys('*')).filter((key) => !before.has(key) && !isKept(key));
  return left.map((key) => `a Redis key: ${key}`);
}

export async function leakedConnections(redis: Redis): Promise<string[]> {
  const own = await redis.client('ID');
  for (const startedAt = performance.now(); ; await sleep(20)) {
    const all = ((await redis.client('LIST')) as string).trim().split('\n');
    const others = all.filter((line) => !line.startsWith(`id=${own} `));
    if (others.length === 0 || performance.now() - startedAt > closingMs) {
      return others.map((line) => `a Redis connection: ${line}`);
    }
  }
}
