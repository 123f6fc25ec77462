import type { ReaderEvent } from '@hearth/producer';
import { expect, test } from 'vitest';
import { shareCluster } from '../support/shared-cluster.js';
import { idOf, rejoinsAfterCuts } from './rejoin.js';

const shared = shareCluster();

test('a reader whose connections are cut during one turn gets every event once and in order', () =>
  rejoinsAfterCuts({ cuts: 15, pieces: 150 }));

test('a reader that lost its process continues in another one, exactly after its position', async () => {
  const { cluster } = shared();
  const first = cluster.producer();
  const turn = await first.session('lost').prompt('[[stream chunks=20 every=30ms]] one two three four five six seven');
  const seen: ReaderEvent[] = [];
  for await (const event of turn) {
    seen.push(event);
    if (event.type === 'text.delta') break;
  }
  await first.close();
  const rest = await cluster
    .producer()
    .session('lost')
    .follow(turn.turnId, { after: seen.at(-1)?.id ?? '' });
  for await (const event of rest) seen.push(event);
  expect(seen.map(idOf)).toEqual(seen.map((_, at) => at + 1));
  expect(seen.at(-1)?.type).toBe('turn.finished');
});

test('a reader whose position was trimmed is told once, then gets the record of its turn and the live end', async () => {
  const { cluster } = shared();
  const session = shared().session();
  const turn = await session.prompt('[[stream chunks=5 every=1ms]] one two three');
  await turn.result();
  await cluster.redis.del(cluster.keys.session(session.sessionId).events);
  const late: ReaderEvent[] = [];
  for await (const event of await cluster.producer().session(session.sessionId).follow(turn.turnId)) late.push(event);
  expect(late.map(({ type }) => type)).toEqual(['stream.expired', 'message', 'turn.finished']);

  const live: string[] = [];
  const following = (async () => {
    for await (const event of session.events({
      after: `${(await session.summary())?.incarnation}.0`,
    })) {
      live.push(event.type);
      if (event.type === 'turn.finished') return;
    }
  })();
  await (await session.prompt('more')).result();
  await following;
  expect(live.filter((type) => type === 'stream.expired')).toHaveLength(1);
  expect(live.at(-1)).toBe('turn.finished');
});
