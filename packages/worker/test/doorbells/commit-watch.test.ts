import { expect, test } from 'vitest';
import { withRedis } from '../../../../test/setup/prefix.js';
import { CommitWatch } from '../../src/doorbells/commit-watch.js';
import { storeOf, submitTurn } from '../support/claimed.js';

test('resolves as stopped when it is stopped before it has subscribed', () =>
  withRedis(async (world) => {
    const store = storeOf(world);
    const { seq } = await submitTurn(store);
    const commits = new CommitWatch(store, store.keys);
    const committed = commits.committed('s', seq);
    commits.stop();
    expect(await committed).toEqual({ kind: 'stopped' });
  }));
