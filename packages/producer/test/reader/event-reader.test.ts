import { expect, inject, test } from 'vitest';
import { cuttable } from '../../../../test/support/cuttable.js';
import { eventually } from '../../../../test/support/facts.js';
import type { ReaderEvent } from '../../src/index.js';
import { collect, delta, ids, Scene, texts } from '../support/scene.js';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

test('every event arrives once, in order, with dense ids, for two readers alike', async () => {
  const scene = new Scene();
  const turn = await scene.producer().session('s').prompt('x');
  const readers = [collect(turn), collect(turn)];
  const writer = await scene.own(turn);
  await scene.begin(writer, turn);
  for (let at = 0; at < 50; at += 1) await writer.append([delta(1, `${at}a`), delta(1, `${at}b`)]);
  await scene.commit(writer, turn);
  for (const events of await Promise.all(readers)) {
    expect(ids(events)).toEqual(upTo(103));
    expect(texts(events)).toEqual(upTo(50).flatMap((at) => [`${at - 1}a`, `${at - 1}b`]));
    expect(events.at(-1)?.type).toBe('turn.finished');
  }
});

test('a lost publish is found by the gap before the next one', async () => {
  const scene = new Scene();
  const turn = await scene.producer().session('s').prompt('x');
  const reading = collect(turn);
  const writer = await scene.own(turn);
  await scene.begin(writer, turn);
  await writer.append([delta(1, 'heard')]);
  await scene.appendUnheard('s', delta(1, 'lost'));
  await writer.append([delta(1, 'after')]);
  await scene.commit(writer, turn);
  const events = await reading;
  expect(texts(events)).toEqual(['heard', 'lost', 'after']);
  expect(ids(events)).toEqual(upTo(6));
});

test('a lost last publish is found after a silence', async () => {
  const scene = new Scene();
  const turn = await scene.producer().session('s').prompt('x');
  const iterator = turn[Symbol.asyncIterator]();
  await iterator.next();
  const writer = await scene.own(turn);
  const started = iterator.next();
  await scene.begin(writer, turn);
  // Received live: only silence makes the reader look again.
  expect((await started).value).toMatchObject({ type: 'turn.started' });
  await scene.appendUnheard('s', delta(1, 'the last'));
  expect((await iterator.next()).value).toMatchObject({ type: 'text.delta', text: 'the last' });
  await iterator.return?.();
});

test('a reader whose connection is killed repeatedly gets every event once, in order', async () => {
  const scene = new Scene();
  const way = await cuttable(inject('redisUrl'));
  const turn = await scene.producer({ redisUrl: way.url }).session('s').prompt('x');
  const reading = collect(turn);
  const writer = await scene.own(turn);
  await scene.begin(writer, turn);
  for (let at = 0; at < 300; at += 1) {
    // The producer's own connection and that of its readers, after the reconnect.
    if (at % 30 === 0) await eventually(() => way.connections() > 1 && way.cut());
    await writer.append([delta(1, String(at))]);
  }
  await scene.commit(writer, turn);
  const events = await reading;
  expect(ids(events)).toEqual(upTo(303));
  expect(texts(events)).toEqual(upTo(300).map((at) => String(at - 1)));
});

test('a slow reader reads from the stream at its own pace and gets all events', async () => {
  const scene = new Scene();
  const turn = await scene.producer().session('s').prompt('x');
  const iterator = turn[Symbol.asyncIterator]();
  await iterator.next();
  const writer = await scene.own(turn);
  await scene.begin(writer, turn);
  for (let at = 0; at < 50; at += 1) await writer.append(upTo(100).map((of) => delta(1, String(at * 100 + of))));
  await scene.commit(writer, turn);
  const read: string[] = [];
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    if (next.value.type === 'text.delta') read.push(next.value.text);
  }
  expect(read).toEqual(upTo(5000).map(String));
});

test('a reader whose position was trimmed gets one stream.expired, then the live end', async () => {
  const scene = new Scene();
  const turn = await scene.producer().session('s').prompt('x');
  const writer = await scene.own(turn);
  await scene.begin(writer, turn);
  await writer.append(upTo(10).map((at) => delta(1, String(at))));
  await scene.redis.xtrim(scene.keys.session('s').events, 'MAXLEN', 3);
  const iterator = turn[Symbol.asyncIterator]();
  const events = [(await iterator.next()).value as ReaderEvent, (await iterator.next()).value as ReaderEvent];
  await scene.commit(writer, turn);
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) events.push(next.value);
  expect(events.map(({ type }) => type)).toEqual([
    'stream.expired',
    ...upTo(3).map(() => 'text.delta'),
    'turn.finished',
  ]);
  expect(texts(events)).toEqual(['8', '9', '10']);
});

test('a late reader of a finished turn gets the record when the stream is deleted', async () => {
  const scene = new Scene();
  const turn = await scene.producer().session('s').prompt('x');
  const writer = await scene.own(turn);
  await scene.begin(writer, turn);
  const result = await scene.commit(writer, turn, { text: 'the record' });
  await scene.redis.del(scene.keys.session('s').events);
  const events = await collect(turn);
  expect(events.map(({ type }) => type)).toEqual(['stream.expired', 'message', 'turn.finished']);
  expect(await turn.result()).toEqual(result);
});

test('a reader of an unknown turn gets an error', async () => {
  const scene = new Scene();
  const turn = await scene.producer().session('s').prompt('x');
  const { turnPrefix, events } = scene.keys.session('s');
  await scene.redis.del(events, `${turnPrefix}1`);
  await expect(turn.result()).rejects.toMatchObject({ code: 'turn_gone' });
});

test('a reopened session expires the readers of the one before', async () => {
  const scene = new Scene();
  const session = scene.producer().session('s');
  const before = await session.prompt('x');
  await scene.redis.del(...(await scene.redis.keys(`${scene.prefix}:*session:s*`)));
  await session.prompt('y');
  const iterator = before[Symbol.asyncIterator]();
  expect((await iterator.next()).value).toMatchObject({ type: 'stream.expired' });
  await iterator.return?.();
});

test('a session is watched while it has a reader, across lost connections, and not by a caller that only submits', async () => {
  const scene = new Scene();
  const way = await cuttable(inject('redisUrl'));
  const presence = scene.keys.session('s').presence;
  const watchers = async (): Promise<unknown> => ((await scene.redis.pubsub('NUMSUB', presence)) as unknown[])[1];
  const turn = await scene.producer({ redisUrl: way.url }).session('s').prompt('x');
  await expect
    .poll(() => scene.redis.pubsub('CHANNELS', `${scene.prefix}*`))
    .toEqual([scene.keys.session('s').channel]);
  const [one, other] = [turn[Symbol.asyncIterator](), turn[Symbol.asyncIterator]()];
  await Promise.all([one.next(), other.next()]);
  await expect.poll(watchers).toBe(1);
  await one.return?.();
  expect(way.cut()).toBeGreaterThan(0);
  await expect.poll(watchers).toBe(1);
  await other.return?.();
  await expect.poll(watchers).toBe(0);
});

test('a reader ahead of Redis after a failover is told, and continues: ids are assigned again', async () => {
  const scene = new Scene();
  const producer = scene.producer();
  const turn = await producer.session('s').prompt('x');
  const incarnation = (await scene.store.incarnation('s')) ?? '';
  const reader = producer.session('s').events({ after: `${incarnation}.40` });
  expect((await reader.next()).value).toEqual({ type: 'stream.expired', id: `${incarnation}.1` });
  const writer = await scene.own(turn);
  const started = reader.next();
  await scene.begin(writer, turn);
  expect((await started).value).toMatchObject({ type: 'turn.started', id: `${incarnation}.2` });
  await reader.return(undefined);
});
