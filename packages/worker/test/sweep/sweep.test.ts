import { createLogger, LeaseStore, newRingId, Ringer } from '@hearth/shared/internal';
import { expect, test } from 'vitest';
import { type TestRedis, withRedis } from '../../../../test/setup/prefix.js';
import { RepeatedRound } from '../../src/rounds.js';
import { HandOver } from '../../src/session/hand-over.js';
import { SessionRegistry } from '../../src/session/session-registry.js';
import { Sweep } from '../../src/sweep/sweep.js';
import { claimSession, storeOf, submitTurn } from '../support/claimed.js';
import { workerRecord } from '../support/worker-record.js';

const ttlMs = 60_000;

/** A session with a turn, owned by `w-dead` under worker number 1, whose lease is to end. */
async function orphaned(world: TestRedis) {
  const { redis } = world;
  // No turn is late, so a sweep finds only the sessions of dead workers.
  const store = storeOf(world, { lookAfterMs: ttlMs });
  const { keys } = store;
  const leases = new LeaseStore(redis, keys);
  const ringer = new Ringer(redis, keys);
  await leases.acquire(workerRecord('w-dead'), ttlMs);
  const { ring } = await submitTurn(store);
  await claimSession(store, 'w-dead', { seq: 1 });
  await store.ring('s', 1, ring, { queue: 1, jobId: newRingId() });

  /** Acquires the worker number of a dead holder. */
  const inherit = async (heir: string, holder: string): Promise<void> => {
    if (heir !== holder) await redis.del(keys.lease(holder));
    expect(await leases.acquire(workerRecord(heir), ttlMs)).toEqual({ kind: 'ok', workerNumber: 1 });
  };
  const sweepOf = (workerId: string): RepeatedRound => {
    const registry = new SessionRegistry();
    const log = createLogger('test', 'silent');
    const handOver = new HandOver({ workerId, workerNumber: 1, store, ringer, registry, log });
    return new RepeatedRound(new Sweep({ workerId, store, leases, ringer, registry, handOver, log }), log);
  };
  return { store, leases, ringer, inherit, sweepOf };
}

test.each([
  { what: 'the reply to the heir of its worker number was lost', heirs: ['w-resent', 'w-resent'] },
  { what: 'the heir of its worker number died before its sweep', heirs: ['w-short', 'w-next'] },
])('rings the turns of a dead worker although $what', ({ heirs }) =>
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

test('leaves the sessions of a dead worker to others when it is stopped half-way', () =>
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
