import type { Doorbell } from '@hearth/shared';
import { createLogger, LeaseStore, newRingId, type Ring, Ringer } from '@hearth/shared/internal';
import { expect, test } from 'vitest';
import { type TestRedis, withRedis } from '../../../../test/setup/prefix.js';
import { Admission, type AdmissionDeps } from '../../src/doorbells/admission.js';
import { HandOver } from '../../src/session/hand-over.js';
import { SessionRegistry } from '../../src/session/session-registry.js';
import { claimSession, storeOf, submitTurn } from '../support/claimed.js';

const workerId = 'w-1';
const workerNumber = 1;

/** The admission of a worker that has only the profile `default`. Another worker has `opus`. */
function admissionOf(world: TestRedis) {
  const store = storeOf(world);
  const ringer = new Ringer(world.redis, store.keys);
  const registry = new SessionRegistry();
  const log = createLogger('test', 'silent');
  const sessions = {
    open: () => {
      throw new TypeError('this worker cannot serve the session');
    },
  };
  const admission = new Admission({
    workerId,
    workerNumber,
    store,
    ringer,
    registry,
    sessions,
    log,
    leases: new LeaseStore(world.redis, store.keys),
    fleet: { othersHave: async (profile: string) => profile === 'opus' },
    slots: { acquire: async (profile: string) => ({ profile, spare: undefined }), release: () => undefined },
    pools: new Map([['default', {}]]),
    handOver: new HandOver({ workerId, workerNumber, store, ringer, registry, log }),
    profileDeadlineMs: 0,
  } as unknown as AdmissionDeps);
  /** Submits a turn whose last ring is this one. */
  const submit = async (profile: string, ring: Ring): Promise<void> => {
    const turn = await submitTurn(store, 't', profile);
    await store.ring('s', turn.seq, turn.ring, ring);
  };
  /** The queue of the last ring of the head of the log, and its doorbell. */
  const lastRing = async () => {
    const head = await store.head('s');
    if (head === undefined || head === 'closing') throw new Error('no turn waits');
    return { queue: head.ring.queue, doorbell: (await ringer.job(head.ring))?.data as Doorbell | undefined };
  };
  return { admission, store, ringer, submit, lastRing };
}

const doorbell = (turnId: string, profile: string): Doorbell => ({
  sessionId: 's',
  turnId,
  seq: 1,
  profile,
  preview: '',
});

test('rings a doorbell of the worker queue in intake when this worker lacks its profile', () =>
  withRedis(async (world) => {
    const { admission, ringer, submit, lastRing } = admissionOf(world);
    const ring = { queue: workerNumber, jobId: newRingId() };
    await submit('opus', ring);
    expect(await admission.receive(doorbell('t', 'opus'), ring)).toMatchObject({ kind: 'done_elsewhere' });
    expect(await lastRing()).toMatchObject({ queue: 'intake', doorbell: { turnId: 't', profile: 'opus' } });
    await ringer.close();
  }));

test.each(['default', 'no-worker-has-it'])(
  'claims and refuses nothing for a stale doorbell (%s) of a session reopened under another profile',
  (stale) =>
    withRedis(async (world) => {
      const { admission, store, ringer, submit, lastRing } = admissionOf(world);
      await submit('opus', { queue: 'intake', jobId: newRingId() });
      const outcome = await admission.receive(doorbell('old', stale), { queue: 'intake', jobId: newRingId() });
      expect(outcome).toMatchObject({ kind: 'done_elsewhere' });
      expect(await lastRing()).toMatchObject({ queue: 'intake', doorbell: { turnId: 't', profile: 'opus' } });
      await expect(claimSession(store, 'w-2', { seq: 1, workerNumber: 2 })).resolves.toBeDefined();
      await ringer.close();
    }),
);
