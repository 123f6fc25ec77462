import { Keys, type Logger, Ringer } from '@hearth/shared/internal';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, inject, onTestFinished, test } from 'vitest';
import { testPrefix } from '../../../../test/setup/prefix.js';
import { QueueLimitsWatch } from '../../src/doorbells/queue-limits.js';

test('logs each change of the limits of its queues once', async () => {
  const prefix = testPrefix();
  const redis = new Redis(inject('redisUrl'), { maxRetriesPerRequest: null });
  const ringer = new Ringer(redis, new Keys({ keyPrefix: prefix, queuePrefix: prefix }));
  const turns = new Queue('turns', { connection: redis, prefix });
  onTestFinished(async () => {
    await ringer.close();
    await turns.close();
    redis.disconnect();
  });
  const logged: object[] = [];
  const note = (fields: object): void => void logged.push(fields);
  const watch = new QueueLimitsWatch({
    workerNumber: 1,
    ringer,
    log: { info: note, warn: note } as unknown as Logger,
  });
  const changes = async (): Promise<object[]> => {
    await watch.run();
    await watch.run();
    return logged.splice(0);
  };

  expect(await changes()).toEqual([]);
  await turns.setGlobalConcurrency(2);
  expect(await changes()).toEqual([{ event: 'queue.limited', queue: 'turns', concurrency: 2 }]);
  await turns.setGlobalRateLimit(1, 5_000);
  await turns.pause();
  expect(await changes()).toEqual([
    { event: 'queue.limited', queue: 'turns', isPaused: true, concurrency: 2, rate: { max: 1, durationMs: 5_000 } },
  ]);
  await turns.removeGlobalConcurrency();
  await turns.removeGlobalRateLimit();
  await turns.resume();
  expect(await changes()).toEqual([{ event: 'queue.unlimited', queue: 'turns' }]);
});
