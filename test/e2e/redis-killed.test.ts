import { errorCodes } from '@hearth/shared';
import { expect, test } from 'vitest';
import { clusterOnOwnRedis } from '../support/own-redis.js';

const turns = 50;

test('Redis killed and restarted in the middle of 50 streaming turns: each ends with a commit or a typed error, and a retry serves it', async () => {
  const { cluster, redis } = await clusterOnOwnRedis();
  await Promise.all([1, 2].map(() => cluster.worker({ claude: 'fake', slots: 28 })));
  const producer = cluster.producer();
  const names = Array.from({ length: turns }, (_, at) => `stream-${at}`);
  const words = 'one two three four five six seven eight nine ten';
  const handles = await Promise.all(
    names.map((name) => producer.session(name).prompt(`[[stream chunks=10 every=200ms]] ${words}`)),
  );
  // In the middle: everybody has said something, nobody is done.
  await Promise.all(
    handles.map(async (handle) => {
      for await (const event of handle) if (event.type === 'text.delta') return;
    }),
  );
  await redis.bounce('kill', 500);

  const ends = await Promise.all(
    handles.map((handle) =>
      handle.result().then(
        ({ text }) => text,
        (error: { code?: string }) => ({ code: error.code }),
      ),
    ),
  );
  // It came back within the leases: agents went on, and those who wait were not told of it.
  expect(ends.filter((end) => typeof end === 'string').length).toBeGreaterThan(turns / 2);
  const retried = ends.flatMap((end, at) => {
    if (typeof end === 'string') {
      expect(end).toBe(`Echo: ${words}`);
      return [];
    }
    expect(errorCodes).toContain(end.code);
    // Accepted is accepted: what was in the log is there again.
    expect(end.code).not.toBe('turn_gone');
    return [
      producer
        .session(names[at] ?? '')
        .prompt(words)
        .then((handle) => handle.result()),
    ];
  });
  for (const { text } of await Promise.all(retried)) expect(text).toBe(`Echo: ${words}`);
}, 120_000);
