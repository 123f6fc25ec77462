import { describe, expect, it } from 'vitest';
import { ControlRequests, cancelledError, newRingId, SessionLifecycle, type SessionStore } from '../../src/internal.js';
import { type StoreWorld, withStore } from '../support/redis.js';
import { commitInput, request } from '../support/samples.js';
import { claim, sessionId, turn } from '../support/turns.js';

const submitOnce = (store: SessionStore, more: object = {}) =>
  store.submit({
    sessionId,
    turnId: 't1',
    request: request('one question'),
    profile: undefined,
    ringId: newRingId(),
    isSingleTurn: true,
    ...more,
  });

/** It is in no list, each of its keys has an end, and its turn is known until then. */
async function expectOnlyMemory({ redis, keys, store }: StoreWorld): Promise<void> {
  expect(await store.sessions()).toEqual([]);
  const names = await redis.keys(`${keys.options.keyPrefix}:*`);
  const endless = await Promise.all(names.map(async (name) => ((await redis.pttl(name)) < 0 ? name : undefined)));
  expect(endless.filter((name) => name !== undefined)).toEqual([]);
  expect((await store.turn(sessionId, 1))?.result).toBeDefined();
  expect(await submitOnce(store)).toMatchObject({ seq: 1, state: 'committed' });
}

describe('a session for one turn leaves only the memory of it', () => {
  it('after its release, also when a permission was asked for and given', () =>
    withStore(async (world) => {
      const { store } = world;
      await submitOnce(store);
      const { writer } = await claim(store, 1);
      await writer.begin(1, { type: 'turn.started', seq: 1, turnId: 't1', attempt: 1, workerId: 'w1' });
      const asked = { requestId: 'r1', seq: 1, toolUseId: 'u1', name: 'Bash', input: {}, suggestions: [] };
      await writer.askPermission(asked, 1_000, { type: 'permission.requested', ...asked });
      await new ControlRequests(store).resolve(sessionId, asked, { by: 'answer', answer: { decision: 'allow' } });
      await writer.commit(1, commitInput(turn(1)));
      await writer.release('idle');
      await expectOnlyMemory(world);
    }));

  it('after it was withdrawn before it had an owner', () =>
    withStore(async (world) => {
      const { store } = world;
      await submitOnce(store, { expiresInMs: 60_000 });
      const outcome = await new SessionLifecycle(store).withdraw(sessionId, 1, cancelledError('a test wants it'));
      expect(outcome.kind).toBe('withdrawn');
      await expectOnlyMemory(world);
    }));

  it('after it was refused from the first', () =>
    withStore(async (world) => {
      await submitOnce(world.store, { refusedWith: cancelledError('a test wants it') });
      await expectOnlyMemory(world);
    }));

  it('but is listed while it has an owner, whose release ends it', () =>
    withStore(async (world) => {
      const { store } = world;
      await submitOnce(store);
      const { writer } = await claim(store, 1);
      await new SessionLifecycle(store).withdraw(sessionId, 1, cancelledError('a test wants it'));
      expect(await store.sessions()).toHaveLength(1);
      await writer.transcript(0, 'of its spare', true);
      await writer.release('idle');
      await expectOnlyMemory(world);
    }));
});
