import { expect, it } from 'vitest';
import { testPrefix, withRedis } from './prefix.js';

it('two prefixes of a run never meet', () => {
  expect(testPrefix()).not.toBe(testPrefix());
});

it("a passed test's keys are deleted, hash tags or not", async () => {
  // That nothing is left is checked at the end of the run.
  await withRedis(async ({ redis, prefix }) => {
    await redis.mset(`${prefix}:a`, '1', `{${prefix}}:b`, '2');
    expect(await redis.exists(`${prefix}:a`, `{${prefix}}:b`)).toBe(2);
  });
});
