import { createLogger, defaultStoreLimits, Keys, LeaseStore, newRingId, Ringer, SessionStore } from '@hearth/shared';
import { expect, test } from 'vitest';
import { type TestRedis, withRedis } from '../../../../test/setup/prefix.js';
import type { Sessions } from '../../src/session/sessions.js';
import { Sweep } from '../../src/sweep/sweep.js';
import { workerRecord } from '../worker-record.js';

const ttlMs = 60_000;

/** A session with a turn, owned by `w-dead` on worker number 1, whose lease is to end. */
async function orphaned({ redis, prefix }: TestRedis) {
  const keys = new Keys({ keyPrefix: prefix, queuePrefix: prefix });
  // Only whoever knows that it died looks at once.
  const store = new SessionStore(redis, keys, { ...defaultStoreLimits, lookAfterMs: ttlMs });
  const leases = new LeaseStore(redis, keys);
  const ringer = new Ringer(redis, keys);
  await leases.acquire(workerRecord('w-dead'), ttlMs);
  const request = { prompt: 'x', onInterrupted: 'fail' as const };
  const submitted = { sessionId: 's', turnId: 't', request, profile: undefined, ringId: newRingId() };
  const { ring } = await store.submit(submitted);
  await store.claim('s', 1, { workerId: 'w-dead', workerNumber: 1 });
  await store.ring('s', 1, ring, { queue: 1, jobId: newRingId() });

  /** Takes the worker number of a holder that is dead. */
  const inherit = async (heir: string, holder: string): Promise<void> => {
    if (heir !== holder) await redis.del(keys.lease(holder));
    expect(await leases.acquire(workerRecord(heir), ttlMs)).toEqual({ kind: 'ok', workerNumber: 1 });
  };
  const sweepOf = (workerId: string): Sweep =>
    new Sweep({
      workerId,
      workerNumber: 1,
      store,
      leases,
      ringer,
      sessions: { find: () => undefined } as unknown as Sessions,
      log: createLogger('test', 'silent'),
    });
  return { store, leases, ringer, inherit, sweepOf };
}

test.each([
  { what: 'the reply to whoever took its worker number was lost', heirs: ['w-resent', 'w-resent'] },
  { what: 'whoever took its worker number died before it had looked', heirs: ['w-short', 'w-next'] },
])('the sessions of a dead worker are looked for although $what', ({ heirs }) =>
  withRedis(async (world) => {
    const { store, leases, ringer, inherit, sweepOf } = await orphaned(world);
    let holder = 'w-dead';
    for (const heir of heirs) {
      await inherit(heir, holder);
      holder = heir;
    }
    const sweep = sweepOf(holder);
    sweep.start();
    await expect
      .poll(async () => Object(await store.head('s')).ring, { timeout: 5_000 })
      .toMatchObject({ queue: 'intake' });
    await expect.poll(() => leases.deadWithoutNumber()).toEqual([]);
    await sweep.stop();
    await ringer.close();
  }),
);

test('a look for them that is stopped half-way is left to others', () =>
  withRedis(async (world) => {
    const { store, leases, ringer, inherit, sweepOf } = await orphaned(world);
    await inherit('w-next', 'w-dead');
    const sweep = sweepOf('w-next');
    const stopped = new Promise<void>((resolve) => {
      store.sweep = async () => {
        void sweep.stop().then(resolve);
        return [];
      };
    });
    sweep.start();
    await stopped;
    expect(await leases.deadWithoutNumber()).toEqual(['w-dead']);
    await ringer.close();
  }));
