import { DelayedNotes, Ringer } from '@hearth/shared/internal';
import { expect, test, vi } from 'vitest';
import { collect, Scene } from './support/scene.js';

const delayedJobs = (scene: Scene): Promise<number> =>
  scene.redis.zcard(`${scene.keys.options.queuePrefix}:turns:delayed`);

test.each([
  ['onBusy reject and its session busy', { onBusy: 'reject' }],
  ['the backlog full', {}],
  ['another profile than its session has by then', { profile: 'other' }],
] as const)('a delayed turn is cancelled all the same with %s', async (_case, options) => {
  const scene = new Scene();
  const session = scene.producer({ backlogLimit: 1 }).session('s');
  const later = await session.prompt('later', { delay: 60_000, ...options });
  await session.prompt('waits');
  expect(await later.cancel()).toBe('cancelled');
  await expect(later.result()).rejects.toMatchObject({ code: 'cancelled' });
  expect(await delayedJobs(scene)).toBe(0);
});

test('a delayed turn is cancelled by its turnId from another producer, before its session exists', async () => {
  const scene = new Scene();
  const later = await scene.producer().session('new').prompt('later', { delay: 60_000, turnId: 'later' });
  const ending = later.result().catch((error: unknown) => error);
  const elsewhere = scene.producer().session('new');
  expect(await elsewhere.cancel('later')).toBe('cancelled');
  expect(await elsewhere.cancel('later')).toBe('cancelled');
  expect(await ending).toMatchObject({ code: 'cancelled', result: { turnId: 'later' } });
  expect(await delayedJobs(scene)).toBe(0);
  expect(await scene.redis.exists(`${scene.keys.session('new').session}:delayed`)).toBe(0);
  await expect(elsewhere.cancel('other')).rejects.toMatchObject({ code: 'turn_gone' });
});

test.each([
  ['that was opened', true],
  ['that is not open yet', false],
])('closing a session %s cancels its delayed turns', async (_case, isOpen) => {
  const scene = new Scene();
  const session = scene.producer().session('s');
  if (isOpen) await session.prompt('waits');
  const turns = [await session.prompt('later', { delay: 60_000 }), await session.prompt('later', { delay: 90_000 })];
  const endings = turns.map((turn) => turn.result().catch((error: unknown) => error));
  expect(await session.close()).toBe(true);
  for (const ending of await Promise.all(endings)) expect(ending).toMatchObject({ code: 'cancelled' });
  expect(await delayedJobs(scene)).toBe(0);
  expect(await scene.redis.keys(`${scene.keys.session('s').session}*`)).toEqual([]);
  expect(await session.close()).toBe(false);
});

test('a delayed turn submitted again under its turnId is one job, also for a follower at another producer', async () => {
  const scene = new Scene();
  const session = scene.producer().session('s');
  const first = await session.prompt('later', { delay: 60_000, turnId: 'mine' });
  const again = await scene.producer().session('s').prompt('sooner', { delay: 1_000, expiresIn: 1, turnId: 'mine' });
  const followed = await scene.producer().session('s').follow('mine');
  expect(await delayedJobs(scene)).toBe(1);
  const endings = [first, again, followed].map((turn) => turn.result().catch((error: unknown) => error));
  await first.cancel();
  for (const ending of await Promise.all(endings)) expect(ending).toMatchObject({ code: 'cancelled' });
  // The turn is known by now, and the same.
  await expect((await session.prompt('later', { delay: 60_000, turnId: 'mine' })).result()).rejects.toMatchObject({
    code: 'cancelled',
  });
  expect(await delayedJobs(scene)).toBe(0);
});

test('the caller of a delayed turn gets an error when its job is removed', async () => {
  const scene = new Scene();
  const later = await scene.producer().session('s').prompt('later', { delay: 60_000 });
  const ending = later.result().catch((error: unknown) => error);
  const [jobId = ''] = await scene.redis.zrange(`${scene.keys.options.queuePrefix}:turns:delayed`, '0', '-1');
  await new Ringer(scene.redis, scene.keys).remove({ queue: 'intake', jobId });
  expect(await ending).toMatchObject({ code: 'cancelled' });
});

test('a delayed turn that a close missed survives it, and its caller gets the result', async () => {
  const scene = new Scene();
  const session = scene.producer().session('s');
  await session.prompt('waits');
  const later = await session.prompt('later', { delay: 60_000, turnId: 'later' });
  const ending = later.result();
  // Like a turn that is posted during the close.
  const notes = new DelayedNotes(scene.store);
  await notes.remove('s', 'later', (await notes.find('s', 'later')) ?? '');
  expect(await session.close()).toBe(true);
  expect(await delayedJobs(scene)).toBe(1);
  await session.prompt('later', { turnId: 'later' });
  const turn = await session.follow('later');
  const writer = await scene.own(turn);
  await scene.begin(writer, turn);
  const committed = await scene.commit(writer, turn);
  expect(await ending).toEqual(committed);
});

test('a deadline beyond the limit of timers is kept', async () => {
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
