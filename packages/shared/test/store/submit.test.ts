import { describe, expect, it } from 'vitest';
import { readEventsAfter } from '../../src/internal.js';
import { withStore } from '../support/redis.js';
import { commitInput } from '../support/samples.js';
import { claim, sessionId, submit, submitAndClaim, turn } from '../support/turns.js';

describe('submit', () => {
  it('accepts the first turn of a new session as seq 1, with a ring in intake', () =>
    withStore(async ({ store, keys, redis }) => {
      const submitted = await submit(store, 't1');
      expect(submitted).toMatchObject({
        seq: 1,
        cursor: 0,
        ring: { queue: 'intake' },
        profile: 'default',
        state: 'accepted',
      });
      const { events, incarnation } = await readEventsAfter(redis, keys, sessionId, 0, 10);
      expect(incarnation).toBe(submitted.incarnation);
      expect(events).toEqual([{ id: 1, event: { type: 'turn.queued', seq: 1, turnId: 't1', position: 0 } }]);
    }));

  it('takes the raw job that brought the turn as its ring, unless the session has an owner', () =>
    withStore(async ({ store }) => {
      const broughtBy = { queue: 'intake', jobId: 'raw-1' } as const;
      expect((await submit(store, 't1', { broughtBy })).ring).toEqual(broughtBy);
      await claim(store, 1);
      expect((await submit(store, 't2', { broughtBy })).ring.queue).toBe(1);
    }));

  it('stores the request', () =>
    withStore(async ({ store }) => {
      await submit(store, 't1');
      const head = await store.head(sessionId);
      expect(head).toMatchObject({ seq: 1, turnId: 't1', state: 'queued', attempts: 0, toolsReached: [] });
      expect(head).toHaveProperty('request', { prompt: 'do t1', onInterrupted: 'fail' });
    }));

  it('returns the same turn for a known turnId, whatever the other arguments', () =>
    withStore(async ({ store }) => {
      const first = await submit(store, 't1');
      expect(await submit(store, 't1', { profile: 'other' })).toEqual({ ...first, state: 'known' });
      expect(await store.session(sessionId)).toMatchObject({ waiting: 1, profile: 'default' });
    }));

  it('reports that the turn of a known turnId is committed', () =>
    withStore(async ({ store }) => {
      const writer = await submitAndClaim(store);
      await writer.commit(1, commitInput(turn(1)));
      expect(await submit(store, 't1')).toMatchObject({ seq: 1, cursor: 0, position: 0, state: 'committed' });
    }));

  it('accepts a turnId again after the old turn has expired', () =>
    withStore(
      async ({ store, redis, keys }) => {
        const writer = await submitAndClaim(store);
        await writer.commit(1, commitInput(turn(1)));
        await expect.poll(() => store.turn(sessionId, 1)).toBeUndefined();
        expect(await submit(store, 't1')).toMatchObject({ seq: 2, state: 'accepted' });
        expect(await submit(store, 't1')).toMatchObject({ seq: 2, state: 'known' });
        // The old entry in `done` goes too, because its removal would remove the new turn's turnId.
        expect(await redis.zrange(keys.session(sessionId).done, '0', '-1')).toEqual([]);
      },
      { turnMemoryMs: 50 },
    ));

  it('returns the id of the last event before the turn', () =>
    withStore(async ({ store }) => {
      await submit(store, 't1');
      expect((await submit(store, 't2')).cursor).toBe(1);
    }));

  it('returns a ring in the worker queue of the owner', () =>
    withStore(async ({ store }) => {
      await submitAndClaim(store);
      expect((await submit(store, 't2')).ring.queue).toBe(1);
    }));

  it('refuses a turn over the backlog limit, and accepts it after a commit', () =>
    withStore(
      async ({ store }) => {
        const writer = await submitAndClaim(store);
        await submit(store, 't2');
        await expect(submit(store, 't3')).rejects.toMatchObject({ code: 'backlog_full', field: 'backlogLimit' });
        await writer.commit(1, commitInput(turn(1)));
        expect(await submit(store, 't3')).toMatchObject({ seq: 3, state: 'accepted' });
      },
      { backlogLimit: 2 },
    ));

  it('accepts a known turnId while the backlog is full', () =>
    withStore(
      async ({ store }) => {
        await submit(store, 't1');
        expect(await submit(store, 't1')).toMatchObject({ state: 'known' });
      },
      { backlogLimit: 1 },
    ));

  it("refuses another profile than the session's, and names the session's", () =>
    withStore(async ({ store }) => {
      await submit(store, 't1', { profile: 'fast' });
      await expect(submit(store, 't2', { profile: 'slow' })).rejects.toMatchObject({
        code: 'profile_mismatch',
        expected: 'fast',
      });
      expect(await submit(store, 't2')).toMatchObject({ profile: 'fast' });
    }));

  it('does not postpone the next check of a session that is pending already', () =>
    withStore(async ({ store, redis, keys }) => {
      await submit(store, 't1');
      const { pending } = keys.session(sessionId);
      await redis.zadd(pending, 5, sessionId);
      await submit(store, 't2');
      expect(await redis.zscore(pending, sessionId)).toBe('5');
    }));

  it('lists a session by its decoded id', () =>
    withStore(async ({ store }) => {
      await submit(store, 't1', { sessionId: 'Böß@x.org/{a}:1' });
      expect((await store.sessions()).map((session) => session.sessionId)).toEqual(['Böß@x.org/{a}:1']);
      expect(await store.head('Böß@x.org/{a}:1')).toMatchObject({ seq: 1 });
      expect(await claim(store, 1).catch((error: unknown) => String(error))).toContain('gone');
    }));
});
