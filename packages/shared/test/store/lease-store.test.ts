import { describe, expect, it } from 'vitest';
import { withStore } from '../support/redis.js';
import { workerRecord } from '../support/samples.js';

const ttlMs = 3_600_000;

describe('a worker lease', () => {
  it('is acquired with the lowest free worker number', () =>
    withStore(async ({ leases }) => {
      for (const [at, id] of ['w1', 'w2', 'w3'].entries()) {
        expect(await leases.acquire(workerRecord(id), ttlMs)).toEqual({ kind: 'ok', workerNumber: at + 1 });
      }
      await leases.release('w2', 2);
      expect(await leases.acquire(workerRecord('w4'), ttlMs)).toMatchObject({ workerNumber: 2 });
      expect(await leases.deadWithoutNumber()).toEqual([]);
    }));

  it('is acquired with the worker number of a dead holder, which joins the dead workers', () =>
    withStore(async ({ leases, redis, keys }) => {
      await leases.acquire(workerRecord('w1'), ttlMs);
      await leases.acquire(workerRecord('w2'), ttlMs);
      await redis.del(keys.lease('w1'));
      expect(await leases.acquire(workerRecord('w3'), ttlMs)).toEqual({ kind: 'ok', workerNumber: 1 });
      expect(await leases.deadWithoutNumber()).toEqual(['w1']);
      await leases.removeDead(['w1']);
      expect(await leases.deadWithoutNumber()).toEqual([]);
    }));

  it('holds the record and has a TTL', () =>
    withStore(async ({ leases, redis, keys }) => {
      await leases.acquire(workerRecord('w1'), ttlMs);
      await leases.acquire(workerRecord('w2', 7), ttlMs);
      expect(await leases.workers()).toEqual([workerRecord('w1', 1), workerRecord('w2', 2)]);
      expect(await redis.pttl(keys.lease('w1'))).toBeGreaterThan(0);
    }));

  it('keeps its worker number when it is acquired again', () =>
    withStore(async ({ leases }) => {
      await leases.acquire(workerRecord('w1'), ttlMs);
      expect(await leases.acquire(workerRecord('w1'), ttlMs)).toEqual({ kind: 'ok', workerNumber: 1 });
      expect(await leases.workerNumbers()).toHaveLength(1);
    }));

  it('is renewed with a new record', () =>
    withStore(async ({ leases }) => {
      await leases.acquire(workerRecord('w1'), ttlMs);
      const record = { ...workerRecord('w1', 1), state: 'draining' as const };
      expect(await leases.renew(record, ttlMs)).toBe('ok');
      expect(await leases.workers()).toEqual([record]);
    }));

  it('is not recreated by a renewal or another acquisition', () =>
    withStore(async ({ leases, redis, keys }) => {
      await leases.acquire(workerRecord('w1'), ttlMs);
      expect([await leases.isKnownDead('w1'), await leases.isKnownDead('w2')]).toEqual([false, false]);
      await redis.del(keys.lease('w1'));
      expect(await leases.renew(workerRecord('w1', 1), ttlMs)).toBe('dead');
      expect([await leases.lives('w1'), await leases.isKnownDead('w1')]).toEqual([false, true]);
      expect(await leases.acquire(workerRecord('w1'), ttlMs)).toEqual({ kind: 'dead' });
      expect(await leases.workerNumbers()).toEqual([{ workerNumber: 1, workerId: 'w1', record: undefined }]);
    }));

  it('is known from its last renewal on, not from its acquisition', () =>
    withStore(async ({ leases, redis, keys }) => {
      await leases.acquire(workerRecord('w1'), ttlMs);
      await redis.zincrby(keys.knownWorkers, -30 * 24 * 3_600_000, 'w1');
      await leases.renew(workerRecord('w1', 1), ttlMs);
      await redis.del(keys.lease('w1'));
      // Acquiring a lease removes known workers whose last renewal is long ago.
      await leases.acquire(workerRecord('w2'), ttlMs);
      expect(await leases.isKnownDead('w1')).toBe(true);
      expect(await leases.acquire(workerRecord('w1'), ttlMs)).toEqual({ kind: 'dead' });
    }));

  it('releases its worker number only while its worker holds it', () =>
    withStore(async ({ leases, redis, keys }) => {
      await leases.acquire(workerRecord('w1'), ttlMs);
      await redis.del(keys.lease('w1'));
      await leases.acquire(workerRecord('w2'), ttlMs);
      await leases.release('w1', 1);
      expect((await leases.workers()).map(({ workerId }) => workerId)).toEqual(['w2']);
    }));
});
