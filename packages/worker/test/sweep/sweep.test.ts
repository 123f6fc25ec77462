import { createLogger, defaultStoreLimits, Keys, LeaseStore, newRingId, Ringer, SessionStore } from '@hearth/shared';
import { expect, test } from 'vitest';
import { withRedis } from '../../../../test/setup/prefix.js';
import type { Sessions } from '../../src/session/sessions.js';
import { Sweep } from '../../src/sweep/sweep.js';
import { workerRecord } from '../worker-record.js';

const ttlMs = 60_000;
test.each([
  { what: 'the reply to whoever took its seat was lost', heirs: ['w-resent', 'w-resent'] },
  { what: 'whoever took its seat died before it had looked', heirs: ['w-short', 'w-next'] },
])('the sessions of a dead worker are looked for although $what', ({ heirs }) =>
  withRedis(async ({ redis, prefix }) => {
    const keys = new Keys({ keyPrefix: prefix, queuePrefix: prefix });
    // Only whoever knows that it died looks at once.
    const store = new SessionStore(redis, keys, { ...defaultStoreLimits, lookAfterMs: ttlMs });
    const leases = new LeaseStore(redis, keys);
    const ringer = new Ringer(redis, keys);
    await leases.acquire(workerRecord('w-dead'), ttlMs);
    const request = { prompt: 'x', onInterrupted: 'fail' as const };
    const { ring } = await store.submit({
      sessionId: 's',
      turnId: 't',
      request,
      profile: undefined,
      ringId: newRingId(),
    });
    await store.claim('s', 1, { workerId: 'w-dead', seat: 1 });
    await store.ring('s', 1, ring, { seat: 1, jobId: newRingId() });
    let holder = 'w-dead';
    for (const heir of heirs) {
      if (heir !== holder) await redis.del(keys.lease(holder));
      expect(await leases.acquire(workerRecord(heir), ttlMs)).toEqual({ kind: 'ok', seat: 1 });
      holder = heir;
    }
    const sweep = new Sweep({
      workerId: holder,
      seat: 1,
      store,
      leases,
      ringer,
      sessions: { find: () => undefined } as unknown as Sessions,
      log: createLogger('test', 'silent'),
    });
    sweep.start();
    await expect
      .poll(async () => Object(await store.head('s')).ring, { timeout: 5_000 })
      .toMatchObject({ seat: 'intake' });
    await sweep.stop();
    expect(await leases.deadWithoutSeat()).toEqual([]);
    await ringer.close();
  }),
);
