import { expect, test, vi } from 'vitest';
import { collect, Scene } from './support/scene.js';

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

test('a deadline further off than a timer reaches is kept', async () => {
  const scene = new Scene();
  const turn = await scene
    .producer()
    .session('s')
    .prompt('x', { expiresIn: 40 * 24 * 3_600_000 });
  const timers = vi.spyOn(globalThis, 'setTimeout');
  const leaving = new AbortController();
  const reading = collect(turn.events({ signal: leaving.signal }));
  const [over] = timers.mock.calls.find(([, ms]) => ms === 2 ** 31 - 1) ?? [];
  timers.mockRestore();
  expect(over).toBeInstanceOf(Function);
  // After 24 days.
  (over as () => void)();
  const ended = await turn.cancel();
  leaving.abort();
  expect(ended).toBe('cancelled');
  expect((await reading).some((event) => event.type === 'turn.failed' && event.error.code === 'expired')).toBe(false);
  expect((await scene.store.turn('s', 1))?.result).toMatchObject({ error: { code: 'cancelled' } });
});
