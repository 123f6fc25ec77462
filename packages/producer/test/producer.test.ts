import { getEventListeners } from 'node:events';
import { expect, inject, test } from 'vitest';
import { cuttable } from '../../../test/support/cuttable.js';
import { type Producer, TurnFailedError, type TurnHandle } from '../src/index.js';
import { collect, ids, Scene } from './support/scene.js';

test('a result is the committed one, with the metadata of the submit', async () => {
  const scene = new Scene();
  const turn = await scene
    .producer()
    .session('s')
    .prompt('x', { metadata: { who: 'me' } });
  const writer = await scene.own(turn);
  await scene.begin(writer, turn);
  const committed = await scene.commit(writer, turn, { metadata: { who: 'me' } });
  expect(await turn.result()).toEqual(committed);
  expect((await scene.store.turn('s', 1))?.request.metadata).toEqual({ who: 'me' });
});

test('a failed turn rejects with its code and keeps the result', async () => {
  const scene = new Scene();
  const turn = await scene.producer().session('s').prompt('x');
  const writer = await scene.own(turn);
  await scene.begin(writer, turn);
  const error = { code: 'interrupted', message: 'cut off', wayOut: 'prompt again' } as const;
  await scene.commit(writer, turn, { status: 'failed', error, text: 'so far' });
  const failure = await turn.result().catch((reason: unknown) => reason);
  expect(failure).toBeInstanceOf(TurnFailedError);
  expect(failure).toMatchObject({ code: 'interrupted', wayOut: 'prompt again', result: { text: 'so far' } });
});

test('the same turnId is the same turn, before and after its commit, and one doorbell', async () => {
  const scene = new Scene();
  const session = scene.producer().session('s');
  const first = await session.prompt('x', { turnId: 'mine' });
  const again = await session.prompt('something else', { turnId: 'mine' });
  expect(again).toMatchObject({ seq: 1, turnId: 'mine' });
  expect(await waiting(scene, 'turns')).toHaveLength(1);
  const writer = await scene.own(first);
  await scene.begin(writer, first);
  await scene.commit(writer, first);
  const late = await session.prompt('x', { turnId: 'mine' });
  expect(ids(await collect(late))).toEqual([1, 2, 3]);
  expect(await waiting(scene, 'turns')).toHaveLength(1);
});

test('the doorbell of an owned session is in the worker queue of its owner', async () => {
  const scene = new Scene();
  const session = scene.producer().session('s');
  await scene.own(await session.prompt('first'));
  await scene.redis.set(scene.keys.lease('w-test'), 'it lives', 'PX', 60_000);
  await session.prompt('second');
  expect(await waiting(scene, 'turns')).toHaveLength(1);
  expect(await waiting(scene, 'turns-1')).toHaveLength(1);
});

test('the doorbell of a session with a dead owner is in intake: no worker reads the old queue', async () => {
  const scene = new Scene();
  const session = scene.producer().session('s');
  await scene.own(await session.prompt('first'));
  const second = await session.prompt('second');
  expect(await waiting(scene, 'turns')).toHaveLength(2);
  expect(await waiting(scene, 'turns-1')).toHaveLength(0);
  expect(
    await scene.store.ring('s', second.seq ?? 0, { queue: 1, jobId: 'x' }, { queue: 1, jobId: 'y' }),
  ).toBeUndefined();
});

test('the limits of the producer apply: backlog, profile', async () => {
  const scene = new Scene();
  const session = scene.producer({ backlogLimit: 2 }).session('s');
  await session.prompt('1', { profile: 'a' });
  await session.prompt('2');
  await expect(session.prompt('3')).rejects.toMatchObject({ code: 'backlog_full', field: 'backlogLimit' });
  await expect(session.prompt('3', { profile: 'b' })).rejects.toMatchObject({
    code: 'profile_mismatch',
    expected: 'a',
  });
});

test('a closed producer refuses calls and leaves no connection', async () => {
  const scene = new Scene();
  const way = await cuttable(inject('redisUrl'));
  const producer = scene.producer({ redisUrl: way.url });
  const turn = await producer.session('s').prompt('x');
  // Reading uses a connection of its own.
  await turn[Symbol.asyncIterator]().next();
  expect(way.connections()).toBeGreaterThan(1);
  await producer.close();
  await producer.close();
  await expect(producer.session('s').prompt('x')).rejects.toMatchObject({ code: 'closed' });
  await expect.poll(() => way.connections()).toBe(0);
});

test('sessions and workers are listed, the last used first', async () => {
  const scene = new Scene();
  const producer = scene.producer();
  for (const sessionId of ['a', 'B', 'c/d@e']) await producer.session(sessionId).prompt('x');
  const listed = await producer.sessions();
  expect(new Map(listed.map(({ sessionId, waiting: count }) => [sessionId, count]))).toEqual(
    new Map([
      ['a', 1],
      ['B', 1],
      ['c/d@e', 1],
    ]),
  );
  expect(listed.map(({ usedAt }) => usedAt)).toEqual(listed.map(({ usedAt }) => usedAt).sort((a, b) => b - a));
  expect(await producer.workers()).toEqual([]);
});

async function waiting(scene: Scene, queue: string): Promise<string[]> {
  return scene.redis.lrange(`${scene.keys.options.queuePrefix}:${queue}:wait`, 0, -1);
}

test('a submit returns the number of turns before its own, also when the turn is already known', async () => {
  const session = new Scene().producer().session('s');
  const [first, second] = [await session.prompt('1'), await session.prompt('2', { turnId: 'mine' })];
  expect([first.position, second.position]).toEqual([0, 1]);
  expect((await session.prompt('2', { turnId: 'mine' })).position).toBe(1);
  expect((await session.prompt('3', { delay: 60_000 })).position).toBeUndefined();
});

test('a signal ends the wait for a turn, and the turn continues', async () => {
  const scene = new Scene();
  const turn = await scene.producer().session('s').prompt('x');
  const leaving = new AbortController();
  const seen: string[] = [];
  for await (const { type } of turn.events({ signal: leaving.signal })) {
    seen.push(type);
    leaving.abort();
  }
  expect(seen).toEqual(['turn.queued']);
  const writer = await scene.own(turn);
  await scene.begin(writer, turn);
  await scene.commit(writer, turn);
  expect(await turn.result()).toMatchObject({ status: 'finished' });
});

test('an ended turn is followed from the position its reader left at, to its ending', async () => {
  const scene = new Scene();
  const session = scene.producer().session('s');
  const turn = await session.prompt('x', { turnId: 'mine' });
  const writer = await scene.own(turn);
  await scene.begin(writer, turn);
  const result = await scene.commit(writer, turn);
  await session.prompt('another');
  const events = await collect(turn);
  const from = async (at: number): Promise<number[]> => {
    const handle = await session.follow('mine', { after: events[at]?.id ?? '' });
    expect(await handle.result()).toEqual(result);
    return ids(await collect(handle));
  };
  expect(await from(0)).toEqual([2, 3]);
  expect(await from(2)).toEqual([]);
});

test('a reader that has the ending of a turn is complete, although later events are deleted', async () => {
  const scene = new Scene();
  const session = scene.producer().session('s');
  const { events: stream } = scene.keys.session('s');
  const turn = await session.prompt('x', { turnId: 'committed' });
  const writer = await scene.own(turn);
  await scene.begin(writer, turn);
  await scene.commit(writer, turn);
  await (await session.prompt('y', { turnId: 'cancelled' })).cancel();
  await (await session.prompt('z', { turnId: 'delayed', delay: 60_000 })).cancel();
  await session.prompt('another');
  for (const turnId of ['committed', 'cancelled', 'delayed']) {
    const ending = (await collect(await session.follow(turnId))).at(-1);
    const [, id] = ending?.id.split('.') ?? [];
    // First all events but the ending, then the ending, too.
    for (const kept of [Number(id), Number(id) + 1]) {
      await scene.redis.xtrim(stream, 'MINID', kept);
      expect(await collect(await session.follow(turnId, { after: ending?.id ?? '' }))).toEqual([]);
      const record = await collect(await session.follow(turnId));
      expect(record[0]?.type).toBe('stream.expired');
      expect(record.at(-1)).toEqual(ending);
    }
  }
});

test('a reader that left before the ending of a turn gets it later, although the events are deleted', async () => {
  const scene = new Scene();
  const session = scene.producer().session('s');
  const turn = await session.prompt('x', { turnId: 'mine' });
  const writer = await scene.own(turn);
  await scene.begin(writer, turn);
  await scene.commit(writer, turn);
  await session.prompt('another');
  await scene.redis.del(scene.keys.session('s').events);
  const record = await collect(await session.follow('mine'));
  expect(record.map(({ type }) => type)).toEqual(['stream.expired', 'message', 'turn.finished']);
  const ending = record.pop();
  for (const { id } of record) {
    expect((await collect(await session.follow('mine', { after: id }))).at(-1)).toEqual(ending);
  }
  expect(await collect(await session.follow('mine', { after: ending?.id ?? '' }))).toEqual([]);
});

test('a failed wait for a result is repeated by the next call', async () => {
  const scene = new Scene();
  const turn = await scene.producer().session('s').prompt('x');
  const writer = await scene.own(turn);
  await scene.begin(writer, turn);
  // A caller that does not wait yet: only the record of the ending is left.
  const followed = await scene.producer().session('s').follow(turn.turnId);
  const result = await scene.commit(writer, turn);
  await scene.redis.del(scene.keys.session('s').events);
  const { turnPrefix } = scene.keys.session('s');
  // Its record cannot be read.
  await scene.redis.rename(`${turnPrefix}1`, `${turnPrefix}elsewhere`);
  await scene.redis.set(`${turnPrefix}1`, 'no hash');
  await expect(followed.result()).rejects.toThrow();
  await scene.redis.rename(`${turnPrefix}elsewhere`, `${turnPrefix}1`);
  expect(await followed.result()).toEqual(result);
});

test('a signal that ended one read of a session does not end later ones', async () => {
  const scene = new Scene();
  const session = scene.producer().session('s');
  await session.prompt('x');
  const { signal } = new AbortController();
  for await (const _ of session.events({ after: '.0', signal })) break;
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('a Redis that accepts connections and answers nothing is unreachable, from the first call or in mid-use', async () => {
  const scene = new Scene();
  const way = await cuttable(inject('redisUrl'));
  const producer = scene.producer({ redisUrl: way.url, connectTimeoutMs: 300 });
  await producer.session('s').prompt('x');
  way.freeze();
  const unreachable = { code: 'redis_unreachable' };
  await expect(producer.session('s').prompt('y')).rejects.toMatchObject(unreachable);
  const another = scene.producer({ redisUrl: way.url, connectTimeoutMs: 300 });
  await expect(another.session('s').prompt('x')).rejects.toMatchObject(unreachable);
});

test('a connection that is silently dead is replaced, and the pending commands are repeated', async () => {
  const scene = new Scene();
  const way = await cuttable(inject('redisUrl'));
  const producer = scene.producer({ redisUrl: way.url, connectTimeoutMs: 1_000 });
  await producer.session('s').prompt('x', { turnId: 'before' });
  way.freeze('standing');
  await producer.session('s').prompt('y', { turnId: 'after' });
  expect(await scene.store.seqOf('s', 'after')).toBe(2);
});

/** Every call of a producer. */
const askEverything = (producer: Producer, turn: TurnHandle): Record<string, Promise<unknown>> => {
  const session = producer.session('s');
  return {
    prompt: session.prompt('x'),
    delayed: session.prompt('x', { delay: 60_000 }),
    once: producer.prompt('x'),
    cancel: session.cancel('t'),
    cancelled: turn.cancel(),
    interrupt: session.interrupt(),
    permissions: session.permissions(),
    answer: session.answer('r', { decision: 'allow' }),
    warm: session.warm(),
    close: session.close(),
    summary: session.summary(),
    turn: session.turn('t'),
    follow: session.follow('t'),
    turns: session.turns(),
    transcript: session.transcript(),
    events: session.events().next(),
    sessions: producer.sessions(),
    sessionPage: producer.sessionPage(),
    workers: producer.workers(),
    queues: producer.queues(),
  };
};

test.each(['answers nothing any more', 'is gone'])('every call fails when Redis %s', async (how) => {
  const scene = new Scene();
  const way = await cuttable(inject('redisUrl'));
  const producer = scene.producer({ redisUrl: way.url, connectTimeoutMs: 2_000 });
  const turn = await producer.session('s').prompt('x', { turnId: 't' });
  // In use before: commands are under way when Redis is lost.
  await Promise.all([producer.queues(), producer.session('s').prompt('x', { delay: 60_000 })]);
  way.freeze();
  const asked = Object.entries(askEverything(producer, turn));
  const ends = Promise.allSettled(asked.map(([, end]) => end));
  if (how === 'is gone') way.block();
  const codes = (await ends).map((end, at) => [
    asked[at]?.[0],
    end.status === 'rejected' ? (end.reason as { code?: string }).code : end.value,
  ]);
  expect(Object.fromEntries(codes)).toEqual(Object.fromEntries(asked.map(([name]) => [name, 'redis_unreachable'])));
});

test('readers and waiting callers get an error when the producer is closed', async () => {
  const scene = new Scene();
  const producer = scene.producer();
  const turn = await producer.session('s').prompt('x');
  const reading = (async () => {
    for await (const event of producer.session('s').events({ after: '.0' })) if (event.type === 'turn.started') return;
  })();
  const ends = Promise.allSettled([turn.result(), reading]);
  await producer.close();
  for (const end of await ends) expect(end).toMatchObject({ status: 'rejected', reason: { code: 'closed' } });
});
