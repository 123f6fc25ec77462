import { expect, test } from 'vitest';
import { Scene } from './support/scene.js';

const delayedJobs = (scene: Scene): Promise<number> =>
  scene.redis.zcard(`${scene.keys.options.queuePrefix}:turns:delayed`);

test.each([
  ['onBusy reject and its session busy', { onBusy: 'reject' }],
  ['the backlog full', {}],
  ['another profile than its session has by now', { profile: 'other' }],
] as const)('a delayed turn is cancelled all the same with %s', async (_case, options) => {
  const scene = new Scene();
  const session = scene.producer({ backlogLimit: 1 }).session('s');
  const later = await session.prompt('later', { delay: 60_000, ...options });
  await session.prompt('waits');
  expect(await later.cancel()).toBe('cancelled');
  await expect(later.result()).rejects.toMatchObject({ code: 'cancelled' });
  expect(await delayedJobs(scene)).toBe(0);
});
