import type { Redis } from 'ioredis';
import { HearthError } from '../errors/hearth-error.js';

export interface RedisFacts {
  version: string;
  evictionPolicy: string;
}

/** Lowest major version, because the scripts use commands of Redis 7. */
const lowestMajor = 7;

/** Reads version and eviction policy over a connection of its own. @throws HearthError `redis_unreachable` */
export async function readRedisFacts(redis: Redis, deadlineMs = 5_000): Promise<RedisFacts> {
  const address = `${redis.options.host ?? 'localhost'}:${redis.options.port ?? 6379}`;
  const probe = redis.duplicate({
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: deadlineMs,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: true,
  });
  let cause: unknown;
  probe.on('error', (error: unknown) => {
    cause ??= error;
  });
  // A Redis that accepts the connection and never answers (a frozen process, a half-open connection) counts as unreachable.
  const tooLate = setTimeout(() => probe.disconnect(), deadlineMs);
  try {
    await probe.connect();
    const info = await probe.info('server', 'memory');
    return {
      version: /^(?:redis|valkey)_version:(.+?)\r?$/m.exec(info)?.[1] ?? '0',
      evictionPolicy: /^maxmemory_policy:(.+?)\r?$/m.exec(info)?.[1] ?? 'unknown',
    };
  } catch (error) {
    throw new HearthError('redis_unreachable', `No Redis answers at ${address}.`, {
      field: 'redisUrl',
      expected: `a Redis ≥ 7 that answers within ${deadlineMs} ms`,
      wayOut: 'Start Redis there, or set REDIS_URL to its address. `hearth up` starts its own Redis.',
      cause: cause ?? error,
    });
  } finally {
    clearTimeout(tooLate);
    probe.disconnect();
  }
}

/** Returns the error `redis_too_old` or `redis_evicting`, if Redis is not fit for Hearth. */
export function judgeRedis(facts: RedisFacts): HearthError | undefined {
  if (Number.parseInt(facts.version, 10) < lowestMajor) {
    return new HearthError('redis_too_old', `Redis is version ${facts.version}.`, {
      field: 'redisUrl',
      expected: `Redis ${lowestMajor} or newer`,
      wayOut: 'Upgrade Redis (or Valkey), or point REDIS_URL at a newer one.',
    });
  }
  if (facts.evictionPolicy !== 'noeviction') {
    return new HearthError('redis_evicting', `maxmemory-policy of Redis is ${facts.evictionPolicy}.`, {
      field: 'maxmemory-policy',
      expected: 'noeviction',
      wayOut: 'Run `redis-cli config set maxmemory-policy noeviction`, and set it in the configuration of Redis.',
    });
  }
  return undefined;
}

/** @throws HearthError `redis_unreachable` | `redis_too_old` | `redis_evicting` */
export async function checkRedis(redis: Redis, deadlineMs?: number): Promise<RedisFacts> {
  const facts = await readRedisFacts(redis, deadlineMs);
  const fault = judgeRedis(facts);
  if (fault !== undefined) throw fault;
  return facts;
}
