import { createLogger, Keys, LeaseStore } from '@hearth/shared/internal';
import { afterEach, expect, test, vi } from 'vitest';
import { withRedis } from '../../../../test/setup/prefix.js';
import { LeaseKeeper } from '../../src/lease/lease-keeper.js';
import { workerRecord } from '../support/worker-record.js';

const status = { record: () => workerRecord('w', 1), serves: () => undefined };

test('loses a lease that vanished, once, and never acquires it again', () =>
  withRedis(async ({ redis, prefix }) => {
    const keys = new Keys({ keyPrefix: prefix, queuePrefix: prefix });
    const leases = new LeaseStore(redis, keys);
    const keeper = new LeaseKeeper(leases, { ttlMs: 2_000, marginMs: 400 }, status, createLogger('test', 'silent'));
    const confirmed: bigint[] = [];
    keeper.on('confirmed', (sentNs) => confirmed.push(sentNs));
    const before = process.hrtime.bigint();
    expect((await keeper.start()).workerNumber).toBe(1);
    // A renewal counts from when it was sent (L1).
    expect(confirmed[0]).toBeGreaterThanOrEqual(before);
    const lost = new Promise<string>((resolve) => keeper.once('lost', resolve));
    await redis.del(keys.lease('w'));
    keeper.refresh();
    expect(await lost).toContain('expired');
    expect(await leases.lives('w')).toBe(false);
    await keeper.stop();
    await expect(keeper.start()).rejects.toMatchObject({ code: 'lease_lost' });
  }));

afterEach(() => {
  vi.useRealTimers();
});

test('loses a lease without answered renewals at TTL − margin, not at the next renewal', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'hrtime'] });
  const silent: Pick<LeaseStore, 'acquire' | 'renew'> = {
    acquire: async () => ({ kind: 'ok', workerNumber: 1 }),
    renew: () => new Promise(() => undefined),
  };
  const keeper = new LeaseKeeper(
    silent as LeaseStore,
    { ttlMs: 2_000, marginMs: 900 },
    status,
    createLogger('test', 'silent'),
  );
  const lost = vi.fn();
  keeper.on('lost', lost);
  await keeper.start();
  await vi.advanceTimersByTimeAsync(1_099);
  expect(lost).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(lost).toHaveBeenCalledOnce();
});

test('releases lease and worker number when it stops', () =>
  withRedis(async ({ redis, prefix }) => {
    const leases = new LeaseStore(redis, new Keys({ keyPrefix: prefix, queuePrefix: prefix }));
    const keeper = new LeaseKeeper(leases, { ttlMs: 2_000, marginMs: 400 }, status, createLogger('test', 'silent'));
    await keeper.start();
    await keeper.stop();
    expect(await leases.workerNumbers()).toEqual([]);
  }));
