import { describe, expect, it } from 'vitest';
import { ControlRequests, cancelledError, newRingId, SessionLifecycle, type SessionStore } from '../../src/internal.js';
import { type StoreWorld, withStore } from '../support/redis.js';
import { commitInput, request } from '../support/samples.js';
import { claim, sessionId, turn } from '../support/turns.js';

const submitSingle = (store: SessionStore, more: object = {}) =>
  store.submit({
    sessionId,
    turnId: 't1',
    request: request('one question'),
    profile: undefined,
    ringId: newRingId(),
    isSingleTurn: true,
    ...more,
  });

/** Checks that the session is in no list, that all its keys expire, and that its turn is known until then. */
async function expectExpiring({ redis, keys, store }: StoreWorld): Promise<void> {
  expect(await store.sessions()).toEqual([]);
  const names = await redis.keys(`${keys.options.keyPrefix}:*`);
  const persistent = await Promise.all(names.map(async (name) => ((await redis.pttl(name)) < 0 ? name : undefined)));
  expect(persistent.filter((name) => name !== undefined)).toEqual([]);
  expect((await store.turn(sessionId, 1))?.result).toBeDefined();
  expect(await submitSingle(store)).toMatchObject({ seq: 1, state: 'committed' });
}

describe('a single-turn session expires', () => {
  it('after its release, with a resolved permission request', () =>
    withStore(async (world) => {
      const { store } = world;
      await submitSingle(store);
      const { writer } = await claim(store, 1);
      await writer.begin(1, { type: 'turn.started', seq: 1, turnId: 't1', attempt: 1, workerId: 'w1' });
      const asked = { requestId: 'r1', seq: 1, toolUseId: 'u1', name: 'Bash', input: {}, suggestions: [] };
      await writer.askPermission(asked, 1_000, { type: 'permission.requested', ...asked });
      await new ControlRequests(store).resolve(sessionId, asked, { by: 'answer', answer: { decision: 'allow' } });
      await writer.commit(1, commitInput(turn(1)));
      await writer.release('idle');
      await expectExpiring(world);
    }));

  it('after its turn was withdrawn without an owner', () =>
    withStore(async (world) => {
      const { store } = world;
      await submitSingle(store, { expiresInMs: 60_000 });
      const outcome = await new SessionLifecycle(store).withdraw(sessionId, 1, cancelledError('a test wants it'));
      expect(outcome.kind).toBe('withdrawn');
      await expectExpiring(world);
    }));

  it('after its turn was submitted as refused', () =>
    withStore(async (world) => {
      await submitSingle(world.store, { refusedWith: cancelledError('a test wants it') });
      await expectExpiring(world);
    }));

  it('at the release when its turn was withdrawn under an owner', () =>
    withStore(async (world) => {
      const { store } = world;
      await submitSingle(store);
      const { writer } = await claim(store, 1);
      await new SessionLifecycle(store).withdraw(sessionId, 1, cancelledError('a test wants it'));
      expect(await store.sessions()).toHaveLength(1);
      await writer.transcript(0, 'a line of the spare', true);
      await writer.release('idle');
      await expectExpiring(world);
    }));
});
