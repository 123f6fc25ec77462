/** Redis has no memory left for a while: accepted turns wait, and none fails. */
import { DelayedNotes } from '@hearth/shared/internal';
import { expect, test } from 'vitest';
import { shortLeaseMs } from '../support/cluster.js';
import { clusterOnOwnRedis } from '../support/own-redis.js';

test('a delayed prompt that becomes due meanwhile is served as soon as Redis accepts it', async () => {
  const { cluster } = await clusterOnOwnRedis();
  const worker = await cluster.worker({ claude: 'fake', leaseTtlMs: 60_000 });
  const turn = await cluster.producer().session('s').prompt('hello', { delay: 3_000 });
  await cluster.redis.config('SET', 'maxmemory', '1');
  await worker.logged(({ event }) => event === 'doorbell.requeued');
  expect(await new DelayedNotes(cluster.store).find('s', turn.turnId)).toBeDefined();
  await cluster.redis.config('SET', 'maxmemory', '0');
  expect(await turn.result()).toMatchObject({ text: 'Echo: hello' });
});

test('a worker lives: its lease is renewed', async () => {
  const { cluster } = await clusterOnOwnRedis();
  const { workerId } = await cluster.worker({ claude: 'fake', leaseTtlMs: shortLeaseMs });
  await cluster.redis.config('SET', 'maxmemory', '1');
  const [seconds, microseconds] = await cluster.redis.time();
  const full = Number(seconds) * 1_000 + Number(microseconds) / 1_000;
  // Renewed more than once since, and by more than its TTL.
  await expect
    .poll(() => cluster.redis.pexpiretime(cluster.store.keys.lease(workerId)))
    .toBeGreaterThan(full + 2 * shortLeaseMs);
});
