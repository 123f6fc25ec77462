import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Keys } from '@hearth/shared/internal';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { Recorder } from '../recorder.js';
import { StageRedis } from './redis.js';

async function started(): Promise<{ redis: StageRedis; recorder: Recorder; client: Redis }> {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-chaos-'));
  const recorder = new Recorder(undefined);
  const keys = new Keys({ keyPrefix: 'stage', queuePrefix: 'stage-bull' });
  const redis = await StageRedis.start({ folder, keys, sessionIds: ['s'], recorder });
  const client = new Redis(redis.url);
  client.on('error', () => undefined);
  onTestFinished(async () => {
    client.disconnect();
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });
  await client.set(redis.beat, '1000');
  return { redis, recorder, client };
}
const forgotten = ({ records }: Recorder): unknown[] => records.filter(({ kind }) => kind === 'rolled_back');

test('a killed Redis that has everything excuses nothing', async () => {
  const { redis, recorder, client } = await started();
  await redis.bounce('kill', 10);
  expect(forgotten(recorder)).toEqual([]);
  expect(await client.get(redis.beat)).toBe('1000');
});

test('a Redis without its last acknowledged write has forgotten everything after its last beat', async () => {
  const { redis, recorder, client } = await started();
  // No writes from here on.
  await client.config('SET', 'appendonly', 'no');
  await client.set(redis.beat, '2000');
  await redis.bounce('kill', 10);
  expect(forgotten(recorder)).toEqual([expect.objectContaining({ at: 1_000 })]);
});

test('a replica without its last writes has forgotten everything after its last beat, too', async () => {
  const { redis, recorder, client } = await started();
  const replica = await redis.replica();
  await redis.cutOff(replica);
  await client.set(redis.beat, '2000');
  await redis.failOver(replica);
  expect(forgotten(recorder)).toEqual([expect.objectContaining({ at: 1_000 })]);
});

test('a lease that was renewed just before the death of Redis counts, seen by the watcher or not', async () => {
  const { redis, recorder, client } = await started();
  const keys = new Keys({ keyPrefix: 'stage', queuePrefix: 'stage-bull' });
  await client.zadd(keys.knownWorkers, '1', 'w1');
  await client.set(keys.lease('w1'), '{}', 'PX', '60000');
  await redis.bounce('kill', 10);
  const [lease] = recorder.records.filter(({ kind }) => kind === 'lease');
  expect(lease).toMatchObject({ workerId: 'w1', until: expect.any(Number) });
});
