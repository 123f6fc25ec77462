import { expect, it } from 'vitest';
import { testPrefix, withRedis } from './prefix.js';

it('two prefixes of a run are never equal', () => {
  expect(testPrefix()).not.toBe(testPrefix());
});

it("a passed test's keys are deleted, hash tags or not", async () => {
  // The leak check at the end of the run verifies that none is left.
  await withRedis(async ({ redis, prefix }) => {
    await redis.mset(`${prefix}:a`, '1', `{${prefix}}:b`, '2');
    expect(await redis.exists(`${prefix}:a`, `{${prefix}}:b`)).toBe(2);
  });
});
