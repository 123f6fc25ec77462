import {
  createLogger,
  type Doorbell,
  defaultStoreLimits,
  Keys,
  LeaseStore,
  newRingId,
  type Ring,
  Ringer,
  SessionStore,
} from '@hearth/shared';
import { expect, test } from 'vitest';
import { type TestRedis, withRedis } from '../../../../test/setup/prefix.js';
import { Admission, type AdmissionDeps } from '../../src/doorbells/admission.js';
import { ringAt, type Sessions } from '../../src/session/sessions.js';

const workerId = 'w-1';
const workerNumber = 1;

/** The admission of a worker on a worker number, which has `default` and nothing else; another has `opus`. */
function admission({ redis, prefix }: TestRedis) {
  const keys = new Keys({ keyPrefix: prefix, queuePrefix: prefix });
  const log = createLogger('test', 'silent');
  const store = new SessionStore(redis, keys, defaultStoreLimits);
  const ringer = new Ringer(redis, keys);
  const sessions = {
    find: () => undefined,
    open: () => {
      throw new TypeError('a session was claimed that this worker cannot serve');
    },
    ringToIntake: async (...[sessionId, profile, seq, seen]: Parameters<Sessions['ringToIntake']>) =>
      void (await ringAt({ store, ringer, log }, { sessionId, profile, seq }, seen, 'intake')),
  };
  const desk = new Admission({
    workerId,
    workerNumber,
    store,
    leases: new LeaseStore(redis, keys),
    ringer,
    fleet: { othersHave: async (profile: string) => profile === 'opus' },
    slots: { admit: async (profile: string) => ({ profile, spare: undefined }), leave: () => undefined },
    pools: new Map([['default', {}]]),
    sessions,
    profileDeadlineMs: 0,
    log,
  } as unknown as AdmissionDeps);
  /** A turn whose ring is in that slot. */
  const submitted = async (profile: string, ring: Ring): Promise<void> => {
    const request = { prompt: 'x', onInterrupted: 'fail' as const };
    const turn = await store.submit({ sessionId: 's', turnId: 't', request, profile, ringId: newRingId() });
    await store.ring('s', turn.seq, turn.ring, ring);
  };
  /** Where the head of the log was rung last, and the doorbell that is there. */
  const lastRing = async () => {
    const head = await store.head('s');
    if (head === undefined || head === 'closing') throw new Error('no turn waits');
    return { queue: head.ring.queue, doorbell: (await ringer.job(head.ring))?.data as Doorbell | undefined };
  };
  return { desk, store, ringer, submitted, lastRing };
}

const doorbell = (turnId: string, profile: string): Doorbell => ({
  sessionId: 's',
  turnId,
  seq: 1,
  profile,
  preview: '',
});

test('what stands in the worker queue with a profile that this worker lacks goes to intake: nobody else would read it', () =>
  withRedis(async (world) => {
    const { desk, ringer, submitted, lastRing } = admission(world);
    const ring = { queue: workerNumber, jobId: newRingId() };
    await submitted('opus', ring);
    expect(await desk.receive(doorbell('t', 'opus'), ring)).toMatchObject({ kind: 'done_elsewhere' });
    expect(await lastRing()).toMatchObject({ queue: 'intake', doorbell: { turnId: 't', profile: 'opus' } });
    await ringer.close();
  }));

test.each(['default', 'nobody-has-it'])(
  'a doorbell (%s) from before its session was opened again under another profile claims and refuses nothing',
  (stale) =>
    withRedis(async (world) => {
      const { desk, store, ringer, submitted, lastRing } = admission(world);
      await submitted('opus', { queue: 'intake', jobId: newRingId() });
      const outcome = await desk.receive(doorbell('old', stale), { queue: 'intake', jobId: newRingId() });
      expect(outcome).toMatchObject({ kind: 'done_elsewhere' });
      expect(await lastRing()).toMatchObject({ queue: 'intake', doorbell: { turnId: 't', profile: 'opus' } });
      expect(await store.claim('s', 1, { workerId: 'w-2', workerNumber: 2 })).toMatchObject({ kind: 'mine' });
      await ringer.close();
    }),
);
