import { createLogger, Keys, LeaseStore } from '@hearth/shared';
import { afterEach, expect, test, vi } from 'vitest';
import { withRedis } from '../../../../test/setup/prefix.js';
import { LeaseKeeper } from '../../src/lease/lease-keeper.js';
import { workerRecord } from '../worker-record.js';

test('a lease that vanished is lost for ever: it is told once, and never made again', () =>
  withRedis(async ({ redis, prefix }) => {
    const keys = new Keys({ keyPrefix: prefix, queuePrefix: prefix });
    const leases = new LeaseStore(redis, keys);
    const keeper = new LeaseKeeper(
      leases,
      { ttlMs: 2_000, marginMs: 400 },
      () => workerRecord('w', 1),
      createLogger('test', 'silent'),
    );
    const confirmed: bigint[] = [];
    keeper.on('confirmed', (sentNs) => confirmed.push(sentNs));
    const before = process.hrtime.bigint();
    expect((await keeper.start()).workerNumber).toBe(1);
    // Counted from when it was sent, which was before the answer.
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

test('a lease whose renewals are not answered is lost at TTL − margin, when the watchdog acts, not at the next renewal', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'hrtime'] });
  const silent: Pick<LeaseStore, 'acquire' | 'renew'> = {
    acquire: async () => ({ kind: 'ok', workerNumber: 1 }),
    renew: () => new Promise(() => undefined),
  };
  const keeper = new LeaseKeeper(
    silent as LeaseStore,
    { ttlMs: 2_000, marginMs: 900 },
    () => workerRecord('w', 1),
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

test('stopping gives lease and workerNumber back', () =>
  withRedis(async ({ redis, prefix }) => {
    const leases = new LeaseStore(redis, new Keys({ keyPrefix: prefix, queuePrefix: prefix }));
    const keeper = new LeaseKeeper(
      leases,
      { ttlMs: 2_000, marginMs: 400 },
      () => workerRecord('w', 1),
      createLogger('test', 'silent'),
    );
    await keeper.start();
    await keeper.stop();
    expect(await leases.workerNumbers()).toEqual([]);
  }));
