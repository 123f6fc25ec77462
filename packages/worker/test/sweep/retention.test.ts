import { cancelledError, createLogger, LeaseStore, newRingId, Ringer, SessionLifecycle } from '@hearth/shared/internal';
import { afterEach, expect, test, vi } from 'vitest';
import { withRedis } from '../../../../test/setup/prefix.js';
import { Retention } from '../../src/sweep/retention.js';
import { storeOf } from '../support/claimed.js';

afterEach(() => {
  vi.useRealTimers();
});

test('closes no used session when the clock of the worker has jumped', () =>
  withRedis(async (world) => {
    const store = storeOf(world);
    const lifecycle = new SessionLifecycle(store);
    const leases = new LeaseStore(world.redis, store.keys);
    const ringer = new Ringer(world.redis, store.keys);
    const log = createLogger('test', 'silent');
    const open = async (sessionId: string): Promise<string> => {
      const request = { prompt: 'x', onInterrupted: 'fail' as const };
      const ringId = newRingId();
      const { incarnation } = await store.submit({ sessionId, turnId: 't', request, profile: undefined, ringId });
      return incarnation;
    };
    await open('used');
    await lifecycle.withdraw('used', 1, cancelledError('a test wants it'));
    await lifecycle.close('closing', await open('closing'));
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31 * 24 * 3_600_000 });
    const retention = new Retention({ workerId: 'w', lifecycle, leases, ringer, retentionMs: 20_000, log });
    await retention.run(new AbortController().signal);
    await ringer.close();
    expect(await store.incarnation('closing')).toBeUndefined();
    expect(await store.incarnation('used')).toBeDefined();
  }));
