import { describe, expect, it } from 'vitest';
import { dumpKeys, withStore } from '../support/redis.js';
import { commitInput } from '../support/samples.js';
import { claim, sessionId, submit, submitAndClaim, turn } from '../support/turns.js';

const by = (workerId: string): { workerId: string; workerNumber: number } => ({ workerId, workerNumber: 2 });

describe('claim', () => {
  it('makes the first worker the owner, under epoch 1', () =>
    withStore(async ({ store }) => {
      const { incarnation } = await submit(store, 't1');
      const outcome = await store.claim(sessionId, 1, by('w1'));
      expect(outcome).toMatchObject({ kind: 'mine', anew: true, claim: { batch: 0, incarnation, note: '' } });
      expect(await store.session(sessionId)).toMatchObject({ owner: 'w1', workerNumber: 2, epoch: 1 });
    }));

  it('returns the same fence to the owner and changes nothing', () =>
    withStore(async ({ store, redis, keys }) => {
      const writer = await submitAndClaim(store);
      await writer.append([]);
      const before = await dumpKeys(redis, keys.options.keyPrefix);
      const outcome = await store.claim(sessionId, 1, { workerId: 'w1', workerNumber: 1 });
      expect(outcome).toMatchObject({ kind: 'mine', anew: false, claim: { fence: writer.fence, batch: 1 } });
      expect(await dumpKeys(redis, keys.options.keyPrefix)).toEqual(before);
    }));

  it('returns the owner and its fence to another worker', () =>
    withStore(async ({ store }) => {
      const { fence } = await submitAndClaim(store);
      expect(await store.claim(sessionId, 1, by('w2'))).toEqual({ kind: 'other', owner: 'w1', workerNumber: 1, fence });
      expect(await store.claim(sessionId, 1, by('w2'), '1.stale')).toMatchObject({ kind: 'other' });
    }));

  it('takes over from a dead owner and truncates the uncommitted transcript', () =>
    withStore(async ({ store }) => {
      const dead = await submitAndClaim(store);
      await dead.transcript(0, 'half a turn', false);
      const { granted } = await claim(store, 1, 'w2', dead.fence);
      expect(granted).toMatchObject({ fence: expect.stringMatching(/^2\./), batch: 0, transcriptChunks: 0 });
      expect((await store.transcript(sessionId, 0, 10)).map(String)).toEqual([]);
      expect(await dead.append([])).toEqual({ kind: 'fenced' });
    }));

  it('lets one of two workers take over from a dead owner', () =>
    withStore(async ({ store }) => {
      const { fence } = await submitAndClaim(store);
      const outcomes = await Promise.all(['w2', 'w3'].map((id) => store.claim(sessionId, 1, by(id), fence)));
      expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['mine', 'other']);
    }));

  it('returns the result of a committed turn and claims nothing', () =>
    withStore(async ({ store }) => {
      const writer = await submitAndClaim(store);
      const input = commitInput(turn(1));
      await writer.commit(1, input);
      await writer.release('idle');
      expect(await store.claim(sessionId, 1, by('w2'))).toEqual({ kind: 'committed', result: input.result });
      expect(await store.session(sessionId)).toMatchObject({ owner: undefined });
    }));

  it('returns gone for an unknown session or turn', () =>
    withStore(async ({ store }) => {
      expect(await store.claim(sessionId, 1, by('w1'))).toEqual({ kind: 'gone' });
      await submit(store, 't1');
      expect(await store.claim(sessionId, 2, by('w1'))).toEqual({ kind: 'gone' });
    }));

  it('returns note and transcript length of the last commit to the next owner', () =>
    withStore(async ({ store }) => {
      const writer = await submitAndClaim(store);
      await submit(store, 't2');
      await writer.transcript(0, 'a', false);
      await writer.commit(1, commitInput(turn(1), { transcriptChunks: 1, note: 'Bash was cut off.' }));
      await writer.release('drain');
      const { granted } = await claim(store, 2, 'w2');
      expect(granted).toMatchObject({ note: 'Bash was cut off.', claudeSessionId: 'claude-1', transcriptChunks: 1 });
    }));
});
