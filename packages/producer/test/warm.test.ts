import type { HearthEvent } from '@hearth/shared';
import { expect, test } from 'vitest';
import { Scene } from './support/scene.js';

const warmed: HearthEvent = { type: 'session.warmed', workerId: 'w-test', pid: 1, warmth: 'resumed' };

const waiting = ({ redis, keys }: Scene, queue: string): Promise<number> =>
  redis.llen(`${keys.options.queuePrefix}:${queue}:wait`);

/** A session without a turn, owned by the test. `rung`: the number of doorbells in intake. */
async function owned(scene: Scene) {
  const session = scene.producer().session('s');
  const turn = await session.prompt('x');
  const writer = await scene.own(turn);
  await scene.begin(writer, turn);
  await scene.commit(writer, turn);
  return { session, writer, rung: await waiting(scene, 'turns') };
}

test('a session with a dead owner is warmed by any free worker: no worker reads the old queue', async () => {
  const scene = new Scene();
  const { session, writer, rung } = await owned(scene);
  const warming = session.warm();
  await expect.poll(() => waiting(scene, 'turns')).toBe(rung + 1);
  expect(await waiting(scene, 'turns-1')).toBe(0);
  await writer.append([warmed]);
  expect(await warming).toEqual({ workerId: 'w-test', pid: 1, warmth: 'resumed' });
});

test('a session whose owner dies before warming it is warmed by another worker', async () => {
  const scene = new Scene();
  const { session, writer, rung } = await owned(scene);
  await scene.redis.set(scene.keys.lease('w-test'), 'it lives', 'PX', 60_000);
  const warming = session.warm();
  await expect.poll(() => waiting(scene, 'turns-1')).toBe(1);
  await scene.redis.del(scene.keys.lease('w-test'));
  await expect.poll(() => waiting(scene, 'turns'), { timeout: 10_000 }).toBe(rung + 1);
  await writer.append([warmed]);
  expect(await warming).toMatchObject({ workerId: 'w-test' });
});

test('a warm request for a closed session fails at once, also when only the missing session shows it', async () => {
  const scene = new Scene();
  const session = scene.producer().session('s');
  const closed = session.warm().catch((error: unknown) => error);
  await expect.poll(() => waiting(scene, 'turns')).toBe(1);
  expect(await session.close()).toBe(true);
  expect(await closed).toMatchObject({ code: 'session_closing' });
  const vanished = session.warm().catch((error: unknown) => error);
  await expect.poll(() => waiting(scene, 'turns')).toBe(2);
  await scene.redis.del(...(await scene.redis.keys(`${scene.prefix}:*session:s*`)));
  expect(await vanished).toMatchObject({ code: 'session_closing' });
});
