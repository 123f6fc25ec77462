import { errorCodes } from '@hearth/shared';
import { expect, test } from 'vitest';
import { clusterOnOwnRedis } from '../support/own-redis.js';

const turns = 50;

/** Kills and restarts Redis under streaming turns. Each has to end with a commit or a typed error, and a retry has to serve it. */
async function endsTurnsWhenRedisIsKilled(): Promise<void> {
  const { cluster, redis } = await clusterOnOwnRedis();
  await Promise.all([1, 2].map(() => cluster.worker({ claude: 'fake', slots: turns / 2 + 3 })));
  const producer = cluster.producer();
  const names = Array.from({ length: turns }, (_, at) => `stream-${at}`);
  const words = 'one two three four five six seven eight nine ten';
  const handles = await Promise.all(
    names.map((name) => producer.session(name).prompt(`[[stream chunks=10 every=200ms]] ${words}`)),
  );
  // Every turn has produced output, and none has ended.
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
  // It came back within the leases: agents continued, and waiting callers got no error.
  expect(ends.filter((end) => typeof end === 'string').length).toBeGreaterThan(turns / 2);
  const retried = ends.flatMap((end, at) => {
    if (typeof end === 'string') {
      expect(end).toBe(`Echo: ${words}`);
      return [];
    }
    expect(errorCodes).toContain(end.code);
    // Accepted turns are in the log again.
    expect(end.code).not.toBe('turn_gone');
    return [
      producer
        .session(names[at] ?? '')
        .prompt(words)
        .then((handle) => handle.result()),
    ];
  });
  for (const { text } of await Promise.all(retried)) expect(text).toBe(`Echo: ${words}`);
}

test(
  '50 streaming turns end with a commit or a typed error after Redis is killed and restarted, and a retry serves them',
  endsTurnsWhenRedisIsKilled,
);
