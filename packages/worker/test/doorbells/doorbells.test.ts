import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TurnResult } from '@hearth/shared';
import { createLogger, type Logger } from '@hearth/shared/internal';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, inject, onTestFinished, test } from 'vitest';
import { testPrefix } from '../../../../test/setup/prefix.js';
import { RedisServer } from '../../../../test/support/redis-server.js';
import { Doorbells, type DoorbellsDeps } from '../../src/doorbells/doorbells.js';

/** A worker's queue readers with an admission of the test's own, and the intake queue. */
async function reading(url: string, receive: () => Promise<unknown>) {
  const prefix = testPrefix();
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const turns = new Queue('turns', { connection, prefix });
  const putBack: number[] = [];
  const log = {
    ...createLogger('test', 'silent'),
    error: ({ delayMs }: { delayMs?: number }) => void putBack.push(delayMs ?? -1),
  };
  const doorbells = new Doorbells({
    workerId: 'w',
    workerNumber: 1,
    queuePrefix: prefix,
    connection,
    slots: { outlook: () => 'free' },
    admission: { receive },
    rawJobs: { serve: receive },
    rawJobsKept: { count: 2, age: 3_600 },
    jobLockMs: 60_000,
    log: log as unknown as Logger,
  } as unknown as DoorbellsDeps);
  await doorbells.start();
  onTestFinished(async () => {
    await doorbells.stop();
    await doorbells.finished();
    await turns.close();
    connection.disconnect();
  });
  return { turns, putBack, connection };
}

const doorbell = { sessionId: 's', turnId: 't', seq: 1, profile: 'default', preview: '' };

test('puts a doorbell back with a back-off after an unexpected error, instead of failing it', async () => {
  let isRepaired = false;
  const { turns, putBack } = await reading(inject('redisUrl'), async () => {
    if (!isRepaired) throw new TypeError('a defect');
    return { kind: 'committed' };
  });
  const { id } = await turns.add('turn', doorbell);
  await expect.poll(() => putBack.length, { timeout: 20_000 }).toBe(3);
  isRepaired = true;
  await expect.poll(() => turns.getJobState(id ?? ''), { timeout: 20_000 }).toBe('completed');
  expect(putBack).toEqual([...putBack].sort((a, b) => a - b));
  expect(putBack.at(-1)).toBeGreaterThan(2 * (putBack[0] ?? 0) - 1);
});

test('fails the job with the error of its turn, also when Redis was full at first', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-test-redis-'));
  const server = await RedisServer.start(folder);
  onTestFinished(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const result = { status: 'failed', error: { code: 'agent_failed', message: 'no answer' } } as TurnResult;
  const world = await reading(server.url, async () => {
    await world.connection.config('SET', 'maxmemory', world.putBack.length === 0 ? '1' : '0');
    return { kind: 'committed', result };
  });
  const { id } = await world.turns.add('turn', doorbell);
  await expect.poll(() => world.putBack.length, { timeout: 20_000 }).toBe(1);
  await world.connection.config('SET', 'maxmemory', '0');
  await expect.poll(() => world.turns.getJobState(id ?? ''), { timeout: 20_000 }).toBe('failed');
  expect((await world.turns.getJob(id ?? ''))?.failedReason).toBe('agent_failed: no answer');
});

test('keeps so many ended raw jobs as the worker says, and those of an adder as the adder says', async () => {
  const failed = { status: 'failed', error: { code: 'agent_failed', message: 'no answer' } } as TurnResult;
  let result: TurnResult | undefined;
  const { turns } = await reading(inject('redisUrl'), async () => ({ kind: 'committed', result }));
  const addFour = (): Promise<unknown> => turns.addBulk(Array(4).fill({ name: 'turn', data: { prompt: 'hello' } }));
  await addFour();
  await expect
    .poll(() => turns.getJobCounts('wait', 'active', 'completed'))
    .toEqual({ wait: 0, active: 0, completed: 2 });
  result = failed;
  await addFour();
  await expect.poll(() => turns.getJobCounts('wait', 'active', 'failed')).toEqual({ wait: 0, active: 0, failed: 2 });
  await turns.add('turn', { prompt: 'hello' }, { removeOnFail: { count: 4 } });
  await expect.poll(() => turns.getJobCounts('wait', 'active', 'failed')).toEqual({ wait: 0, active: 0, failed: 3 });
});
