import { expect, test } from 'vitest';
import type { ReaderEvent } from '../src/index.js';
import { delta, Scene } from './support/scene.js';

/** The keys as they are now. A call restores them, as a failover to a replica without the last writes does. */
async function remembered({ redis, prefix }: Scene): Promise<() => Promise<void>> {
  const before = new Map<string, Buffer | null>();
  for (const key of await redis.keys(`${prefix}*`)) before.set(key, await redis.dumpBuffer(key));
  return async () => {
    const now = await redis.keys(`${prefix}*`);
    if (now.length > 0) await redis.del(...now);
    for (const [key, value] of before) if (value !== null) await redis.restore(key, 0, value);
  };
}

test('the caller of a turn that a failover lost gets an error, whether or not another turn has its position', async () => {
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

test('a turn at the position of a lost one is not taken for it', async () => {
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

test('an ending at a position that a reader had passed before a failover is reported from the record', async () => {
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
      // A reader that handles an event is not silent, and does not look.
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
  // It continues with the turn after.
  goOn();
  await reading;
  expect(events.slice(22).map(({ type }) => type)).toEqual(['stream.expired', 'message', 'turn.finished']);
  expect(await turn.result()).toEqual(result);
});
