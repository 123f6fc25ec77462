import { describe, expect, it } from 'vitest';
import { readEventsAfter } from '../../src/internal.js';
import { withStore } from '../support/redis.js';
import { commitInput } from '../support/samples.js';
import { claim, sessionId, submit, submitAndClaim, turn } from '../support/turns.js';

describe('submit', () => {
  it('accepts the first turn of a new session as seq 1 and rings intake', () =>
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

  it('keeps what was asked', () =>
    withStore(async ({ store }) => {
      await submit(store, 't1');
      const head = await store.head(sessionId);
      expect(head).toMatchObject({ seq: 1, turnId: 't1', state: 'queued', attempts: 0, toolsReached: [] });
      expect(head).toHaveProperty('request', { prompt: 'do t1', onInterrupted: 'fail' });
    }));

  it('gives the same turn to a known turnId, whatever else is said', () =>
    withStore(async ({ store }) => {
      const first = await submit(store, 't1');
      expect(await submit(store, 't1', { profile: 'other' })).toEqual({ ...first, state: 'known' });
      expect(await store.session(sessionId)).toMatchObject({ waiting: 1, profile: 'default' });
    }));

  it('says of a known turnId that its turn is committed', () =>
    withStore(async ({ store }) => {
      const writer = await submitAndClaim(store);
      await writer.commit(1, commitInput(turn(1)));
      expect(await submit(store, 't1')).toMatchObject({ seq: 1, cursor: 0, position: 0, state: 'committed' });
    }));

  it('takes a turnId for a new turn once the old one is remembered no more, also when nothing was committed since', () =>
    withStore(
      async ({ store, redis, keys }) => {
        const writer = await submitAndClaim(store);
        await writer.commit(1, commitInput(turn(1)));
        await expect.poll(() => store.turn(sessionId, 1)).toBeUndefined();
        expect(await submit(store, 't1')).toMatchObject({ seq: 2, state: 'accepted' });
        expect(await submit(store, 't1')).toMatchObject({ seq: 2, state: 'known' });
        // What was noted of the old one goes, too: it would take the new one's turnId along.
        expect(await redis.zrange(keys.session(sessionId).done, '0', '-1')).toEqual([]);
      },
      { turnMemoryMs: 50 },
    ));

  it('gives a cursor after the last event before its own', () =>
    withStore(async ({ store }) => {
      await submit(store, 't1');
      expect((await submit(store, 't2')).cursor).toBe(1);
    }));

  it('rings the worker queue of the owner', () =>
    withStore(async ({ store }) => {
      await submitAndClaim(store);
      expect((await submit(store, 't2')).ring.queue).toBe(1);
    }));

  it('refuses a turn over the backlog limit, and takes it when one was committed', () =>
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

  it('answers a known turnId also when the backlog is full', () =>
    withStore(
      async ({ store }) => {
        await submit(store, 't1');
        expect(await submit(store, 't1')).toMatchObject({ state: 'known' });
      },
      { backlogLimit: 1 },
    ));

  it('refuses another profile than the session has, and names that one', () =>
    withStore(async ({ store }) => {
      await submit(store, 't1', { profile: 'fast' });
      await expect(submit(store, 't2', { profile: 'slow' })).rejects.toMatchObject({
        code: 'profile_mismatch',
        expected: 'fast',
      });
      expect(await submit(store, 't2')).toMatchObject({ profile: 'fast' });
    }));

  it('marks the session pending with a time at which to look, which a second turn does not put off', () =>
    withStore(async ({ store, redis, keys }) => {
      await submit(store, 't1');
      const { pending } = keys.session(sessionId);
      await redis.zadd(pending, 5, sessionId);
      await submit(store, 't2');
      expect(await redis.zscore(pending, sessionId)).toBe('5');
    }));

  it('lists a session whose id has to be encoded', () =>
    withStore(async ({ store }) => {
      await submit(store, 't1', { sessionId: 'Böß@x.org/{a}:1' });
      expect((await store.sessions()).map((session) => session.sessionId)).toEqual(['Böß@x.org/{a}:1']);
      expect(await store.head('Böß@x.org/{a}:1')).toMatchObject({ seq: 1 });
      expect(await claim(store, 1).catch((error: unknown) => String(error))).toContain('gone');
    }));
});
