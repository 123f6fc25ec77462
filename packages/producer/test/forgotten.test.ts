import { expect, test } from 'vitest';
import type { ReaderEvent } from '../src/index.js';
import { delta, Scene } from './support/scene.js';

/** Keys as they are now; calling it makes them so again, as a failover to a replica that lacks the last moments does. */
async function remembered({ redis, prefix }: Scene): Promise<() => Promise<void>> {
  const before = new Map<string, Buffer | null>();
  for (const key of await redis.keys(`${prefix}*`)) before.set(key, await redis.dumpBuffer(key));
  return async () => {
    const now = await redis.keys(`${prefix}*`);
    if (now.length > 0) await redis.del(...now);
    for (const [key, value] of before) if (value !== null) await redis.restore(key, 0, value);
  };
}

test('whoever waits for a turn that a failover lost is told, whether its place was taken or nothing happens in its session', async () => {
  const scene = new Scene();
  const session = scene.producer().session('s');
  await session.prompt('kept');
  const failOver = await remembered(scene);
  const lost = await session.prompt('lost');
  await failOver();
  await expect(lost.result()).rejects.toMatchObject({ code: 'turn_gone' });
  const lostToo = await session.prompt('lost, too');
  await failOver();
  const other = await session.prompt('another');
  expect(other.seq).toBe(lostToo.seq);
  await expect(lostToo.result()).rejects.toMatchObject({ code: 'turn_gone' });
});

test('a turn that got the place of one that was lost is not taken for it', async () => {
  const scene = new Scene();
  const session = scene.producer().session('s');
  const failOver = await remembered(scene);
  const lost = await session.prompt('lost');
  await failOver();
  const other = await session.prompt('another');
  expect(other.seq).toBe(lost.seq);
  const writer = await scene.own(other);
  await scene.begin(writer, other);
  await scene.commit(writer, other);
  await expect(lost.result()).rejects.toMatchObject({ code: 'turn_gone' });
  expect(await other.result()).toMatchObject({ turnId: other.turnId });
});

test('an ending whose place a reader had passed before a failover is told from the record', async () => {
  const scene = new Scene();
  const session = scene.producer().session('s');
  const turn = await session.prompt('x');
  const failOver = await remembered(scene);
  const events: ReaderEvent[] = [];
  let goOn = (): void => undefined;
  const failedOver = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const reading = (async () => {
    for await (const event of turn) {
      // Whoever is busy with an event is not silent, and looks for nothing.
      if (events.push(event) === 22) await failedOver;
    }
  })();
  const former = await scene.own(turn);
  await scene.begin(former, turn);
  await former.append(Array.from({ length: 20 }, () => delta(1, 'forgotten')));
  await expect.poll(() => events.length).toBe(22);
  await failOver();
  const writer = await scene.own(turn);
  await scene.begin(writer, turn);
  const result = await scene.commit(writer, turn);
  const later = await session.prompt('y');
  await scene.begin(writer, later);
  await writer.append(Array.from({ length: 20 }, () => delta(2, 'later')));
  // It goes on where it was: in the turn after.
  goOn();
  await reading;
  expect(events.slice(22).map(({ type }) => type)).toEqual(['stream.expired', 'message', 'turn.finished']);
  expect(await turn.result()).toEqual(result);
});
