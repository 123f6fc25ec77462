import {
  cancelledError,
  createLogger,
  defaultStoreLimits,
  Keys,
  LeaseStore,
  newRingId,
  Ringer,
  SessionEndings,
  SessionStore,
} from '@hearth/shared';
import { afterEach, expect, test, vi } from 'vitest';
import { withRedis } from '../../../../test/setup/prefix.js';
import { Retention } from '../../src/sweep/retention.js';

afterEach(() => {
  vi.useRealTimers();
});

test('a worker whose clock has jumped closes no session that was used', () =>
  withRedis(async ({ redis, prefix }) => {
    const keys = new Keys({ keyPrefix: prefix, queuePrefix: `${prefix}-bull` });
    const store = new SessionStore(redis, keys, defaultStoreLimits);
    const endings = new SessionEndings(store);
    const leases = new LeaseStore(redis, keys);
    const ringer = new Ringer(redis, keys);
    const log = createLogger('test', 'silent');
    const open = async (sessionId: string): Promise<string> => {
      const request = { prompt: 'x', onInterrupted: 'fail' as const };
      const ringId = newRingId();
      const { incarnation } = await store.submit({ sessionId, turnId: 't', request, profile: undefined, ringId });
      return incarnation;
    };
    await open('used');
    await endings.withdraw('used', 1, cancelledError('a test wants it'));
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31 * 24 * 3_600_000 });
    const retention = new Retention({ workerId: 'w', endings, leases, ringer, retentionMs: 20_000, log });
    retention.start();
    // What is being closed goes in the same rounds: when the second has gone, a whole round was made.
    for (const name of ['first', 'second']) {
      await endings.close(name, await open(name));
      await expect.poll(() => store.incarnation(name), { timeout: 30_000 }).toBeUndefined();
    }
    await retention.stop();
    await ringer.close();
    expect(await store.incarnation('used')).toBeDefined();
  }));
