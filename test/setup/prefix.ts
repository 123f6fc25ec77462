import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { inject, onTestFinished, type TestContext } from 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    redisUrl: string;
  }
}

/** The set in which failed tests leave their prefixes, for the leak check at the end of the run. */
export const keptPrefixes = 'hearth-test:kept';

/**
 * A prefix that no other test has. Its keys are deleted after the test has passed, and kept after it failed.
 * A concurrent test passes its context, because vitest cannot know otherwise which test calls.
 */
export function testPrefix(context?: TestContext): string {
  const prefix = `t-${randomBytes(6).toString('hex')}`;
  (context?.onTestFinished ?? onTestFinished)(async ({ task }) => {
    const redis = new Redis(inject('redisUrl'));
    try {
      if (task.result?.state === 'fail') await redis.sadd(keptPrefixes, prefix);
      else await deletePrefix(redis, prefix);
    } finally {
      redis.disconnect();
    }
  });
  return prefix;
}

export interface TestRedis {
  url: string;
  prefix: string;
  redis: Redis;
}

/** The run's Redis with a prefix of this test, and a connection for the time of the call. */
export async function withRedis(use: (world: TestRedis) => Promise<void>, context?: TestContext): Promise<void> {
  const url = inject('redisUrl');
  const prefix = testPrefix(context);
  const redis = new Redis(url);
  try {
    await use({ url, prefix, redis });
  } finally {
    redis.disconnect();
  }
}

/** At any position in the key: in a cluster the prefix may be in a `{tag}`. */
async function deletePrefix(redis: Redis, prefix: string): Promise<void> {
  for await (const keys of redis.scanStream({ match: `*${prefix}*`, count: 1_000 })) {
    if ((keys as string[]).length > 0) await redis.unlink(keys as string[]);
  }
}
