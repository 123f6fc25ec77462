import { defaultStoreLimits, Keys, newRingId, SessionStore } from '@hearth/shared';
import { expect, test } from 'vitest';
import { withRedis } from '../../../../test/setup/prefix.js';
import { CommitWatch } from '../../src/doorbells/commit-watch.js';

test('a watch that is stopped before it has subscribed says so: its job is no failure', () =>
  withRedis(async ({ redis, prefix }) => {
    const keys = new Keys({ keyPrefix: prefix, queuePrefix: prefix });
    const store = new SessionStore(redis, keys, defaultStoreLimits);
    const request = { prompt: 'x', onInterrupted: 'fail' as const };
    const { seq } = await store.submit({
      sessionId: 's',
      turnId: 't',
      request,
      profile: undefined,
      ringId: newRingId(),
    });
    const commits = new CommitWatch(store, keys);
    const ending = commits.committed('s', seq);
    commits.stop();
    expect(await ending).toEqual({ kind: 'stopped' });
  }));
