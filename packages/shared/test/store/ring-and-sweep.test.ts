import { describe, expect, it } from 'vitest';
import { formatRing, newRingId, parseRing, queueOfRing, shardOf } from '../../src/internal.js';
import { type StoreWorld, withStore } from '../support/redis.js';
import { commitInput } from '../support/samples.js';
import { claim, sessionId, submit, submitAndClaim, turn } from '../support/turns.js';

const shard = shardOf(sessionId);

const toIntake = (): { queue: 'intake'; jobId: string } => ({ queue: 'intake', jobId: newRingId() });

describe('ring', () => {
  it('succeeds for one of two callers that saw the same ring', () =>
    withStore(async ({ store }) => {
      const { ring } = await submit(store, 't1');
      const [first, second] = [toIntake(), toIntake()];
      expect(await store.ring(sessionId, 1, ring, first)).toMatchObject({ turnId: 't1', profile: 'default' });
      expect(await store.ring(sessionId, 1, ring, second)).toBeUndefined();
      expect(await store.head(sessionId)).toMatchObject({ ring: first });
    }));

  it('succeeds again for a resend', () =>
    withStore(async ({ store }) => {
      const { ring } = await submit(store, 't1');
      const next = toIntake();
      await store.ring(sessionId, 1, ring, next);
      expect(await store.ring(sessionId, 1, ring, next)).toMatchObject({ turnId: 't1' });
    }));

  it('fails for a committed turn', () =>
    withStore(async ({ store }) => {
      const { ring } = await submit(store, 't1');
      const { writer } = await claim(store, 1);
      await writer.commit(1, commitInput(turn(1)));
      expect(await store.ring(sessionId, 1, ring, toIntake())).toBeUndefined();
    }));

  it('is equal after formatRing and parseRing, and names its queue', () => {
    for (const ring of [
      { queue: 'intake' as const, jobId: 'r1' },
      { queue: 12, jobId: 'r/2' },
    ]) {
      expect(parseRing(formatRing(ring))).toEqual(ring);
    }
    expect(queueOfRing({ queue: 'intake', jobId: 'r' })).toBe('turns');
    expect(queueOfRing({ queue: 12, jobId: 'r' })).toBe('turns-12');
  });

  it('has a fresh job id each time', () => {
    expect(new Set(Array.from({ length: 1000 }, newRingId)).size).toBe(1000);
  });
});

/** Moves the session's next check to now. */
const makeOverdue = ({ redis, keys }: StoreWorld): Promise<number> =>
  redis.zadd(keys.session(sessionId).pending, 'XX', 0, sessionId);

/** ms until the session's next check, by Redis' clock. */
async function msToNextCheck({ redis, keys }: StoreWorld): Promise<number> {
  const [seconds, micros] = await redis.time();
  const at = await redis.zscore(keys.session(sessionId).pending, sessionId);
  return Number(at) - (Number(seconds) * 1000 + Number(micros) / 1000);
}

describe('sweep', () => {
  it('returns an overdue session once', () =>
    withStore(async (world) => {
      const { store } = world;
      const { ring } = await submit(store, 't1');
      expect(await store.sweep(shard, 10)).toEqual([]);
      await makeOverdue(world);
      expect(await store.sweep(shard, 10)).toEqual([
        { sessionId, seq: 1, ring, owner: undefined, workerNumber: undefined },
      ]);
      expect(await store.sweep(shard, 10)).toEqual([]);
    }));

  it('returns an overdue session to one of several callers', () =>
    withStore(async (world) => {
      const { store } = world;
      await submit(store, 't1');
      await makeOverdue(world);
      const sweeps = await Promise.all([1, 2, 3].map(() => store.sweep(shard, 10)));
      expect(sweeps.flat()).toHaveLength(1);
    }));

  it('doubles the time to the next check with each sweep, up to a bound, until a claim', () =>
    withStore(
      async (world) => {
        const { store } = world;
        await submit(store, 't1');
        const waits: number[] = [];
        for (let sweep = 1; sweep <= 4; sweep++) {
          await makeOverdue(world);
          await store.sweep(shard, 10);
          waits.push(await msToNextCheck(world));
        }
        for (const [at, expected] of [1000, 2000, 4000, 5000].entries()) {
          expect(waits[at]).toBeLessThanOrEqual(expected * 1000);
          expect(waits[at]).toBeGreaterThan((expected - 500) * 1000);
        }
        await claim(store, 1);
        await makeOverdue(world);
        await store.sweep(shard, 10);
        expect(await msToNextCheck(world)).toBeLessThanOrEqual(1_000_000);
      },
      { lookAfterMs: 1_000_000, lookAtMostMs: 5_000_000 },
    ));

  it('returns at most the given number of sessions', () =>
    withStore(async ({ store, redis, keys }) => {
      const [first, second] = [1, 2].map((n) => neighbour(n));
      for (const id of [first ?? '', second ?? '']) {
        await submit(store, 't1', { sessionId: id });
        await redis.zadd(keys.pending(shard), 'XX', 0, id);
      }
      expect(await store.sweep(shard, 1)).toHaveLength(1);
      expect(await store.sweep(shard, 1)).toHaveLength(1);
      expect(await store.sweep(shard, 1)).toHaveLength(0);
    }));

  it('returns the sessions of a dead worker before they are overdue, and to every caller', () =>
    withStore(async ({ store }) => {
      const writer = await submitAndClaim(store);
      expect(await store.sweep(shard, 10, ['w2'])).toEqual([]);
      expect(await store.sweep(shard, 10, ['w2', 'w1'])).toMatchObject([{ sessionId, owner: 'w1', workerNumber: 1 }]);
      expect(await store.sweep(shard, 10, ['w1'])).toMatchObject([{ sessionId, owner: 'w1' }]);
      expect(await store.sweep(shard, 10)).toEqual([]);
      await claim(store, 1, 'w2', writer.fence);
      expect(await store.sweep(shard, 10, ['w1'])).toEqual([]);
      expect(await store.sweep(shard, 10, ['w1', 'w2'])).toMatchObject([{ sessionId, owner: 'w2' }]);
    }));

  it('returns an overdue session of a dead worker once', () =>
    withStore(async (world) => {
      const { store } = world;
      await submitAndClaim(store);
      await makeOverdue(world);
      expect(await store.sweep(shard, 10, ['w1'])).toHaveLength(1);
    }));

  it('checks a session of a dead worker again soon, although earlier sweeps found it', () =>
    withStore(
      async (world) => {
        const { store } = world;
        await submitAndClaim(store);
        for (let sweep = 1; sweep <= 4; sweep++) {
          await makeOverdue(world);
          await store.sweep(shard, 10);
        }
        expect(await msToNextCheck(world)).toBeGreaterThan(4_000_000);
        await store.sweep(shard, 10, ['w1']);
        expect(await msToNextCheck(world)).toBeLessThanOrEqual(1_000_000);
        await makeOverdue(world);
        await store.sweep(shard, 10);
        expect(await msToNextCheck(world)).toBeLessThanOrEqual(1_000_000);
      },
      { lookAfterMs: 1_000_000, lookAtMostMs: 5_000_000 },
    ));

  it("does not return a dead worker's session without turns", () =>
    withStore(async ({ store }) => {
      const writer = await submitAndClaim(store);
      await writer.commit(1, commitInput(turn(1)));
      expect(await store.sweep(shard, 10, ['w1'])).toEqual([]);
    }));
});

/** The n-th other session id in the shard of the example session. */
function neighbour(nth: number): string {
  for (let n = 0, found = 0; ; n++) if (shardOf(`n${n}`) === shard && ++found === nth) return `n${n}`;
}
