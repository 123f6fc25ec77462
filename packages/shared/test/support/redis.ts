import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { inject } from 'vitest';
import { Keys, LeaseStore } from '../../src/internal.js';
import { defaultStoreLimits, type StoreLimits } from '../../src/store/limits.js';
import { SessionStore } from '../../src/store/session-store.js';

declare module 'vitest' {
  export interface ProvidedContext {
    redisUrl: string;
  }
}

export const redisUrl = (): string => inject('redisUrl');

/** A key prefix of its own for each test. */
export const freshPrefix = (): string => `shared-test-${randomBytes(6).toString('hex')}`;

export interface StoreWorld {
  redis: Redis;
  keys: Keys;
  store: SessionStore;
  leases: LeaseStore;
}

/** Opens a session store under a fresh prefix. Removes the keys after a pass, and keeps them after a failure. */
export async function withStore(
  use: (world: StoreWorld) => Promise<void>,
  limits: Partial<StoreLimits> = {},
): Promise<void> {
  const redis = new Redis(redisUrl());
  const keys = new Keys({ keyPrefix: freshPrefix(), queuePrefix: 'bull' });
  try {
    const store = new SessionStore(redis, keys, { ...defaultStoreLimits, ...limits });
    await use({ redis, keys, store, leases: new LeaseStore(redis, keys) });
    await removeKeys(redis, keys.options.keyPrefix);
  } finally {
    redis.disconnect();
  }
}

export async function removeKeys(redis: Redis, prefix: string): Promise<void> {
  const names = await redis.keys(`${prefix}:*`);
  if (names.length > 0) await redis.del(names);
}

/**
 * Reads every key under a prefix with its value and expiry. Equal dumps mean that nothing was written. The fields of a hash are sorted,
 * because Redis reorders them even on reads. Other values are compared as bytes.
 */
export async function dumpKeys(redis: Redis, prefix: string): Promise<Map<string, string>> {
  const names = (await redis.keys(`${prefix}:*`)).sort();
  const pipeline = redis.pipeline();
  for (const name of names) pipeline.pexpiretime(name).hgetall(name).dumpBuffer(name);
  const replies = (await pipeline.exec()) ?? [];
  return new Map(
    names.map((name, at) => {
      const [expiry, hash, bytes] = replies.slice(3 * at, 3 * at + 3);
      const isHash = hash?.[0] === null;
      const value = isHash
        ? JSON.stringify(Object.entries(hash[1] as object).sort(([a], [b]) => (a < b ? -1 : 1)))
        : (bytes as [null, Buffer])[1].toString('latin1');
      return [name, `expires ${String(expiry?.[1])}: ${value}`];
    }),
  );
}
