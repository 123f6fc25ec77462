import assert from 'node:assert/strict';
import type { OnBusy } from '../../src/index.js';
import {
  type Claim,
  newRingId,
  type Ring,
  type SessionStore,
  SessionWriter,
  type Submitted,
} from '../../src/internal.js';
import { request } from './samples.js';

export const sessionId = 'chat-1';

/** Submits a turn to the session of the examples. */
export const submit = (
  store: SessionStore,
  turnId: string,
  more: { profile?: string; sessionId?: string; onBusy?: OnBusy; broughtBy?: Ring } = {},
): Promise<Submitted> =>
  store.submit({
    sessionId: more.sessionId ?? sessionId,
    turnId,
    request: request(`do ${turnId}`),
    profile: more.profile,
    onBusy: more.onBusy,
    broughtBy: more.broughtBy,
    ringId: newRingId(),
  });

/** Claims the session for a worker with worker number 1. Fails unless the worker owns the session afterwards. */
export async function claim(
  store: SessionStore,
  seq: number,
  workerId = 'w1',
  deadFence = '',
): Promise<{ granted: Claim; writer: SessionWriter }> {
  const outcome = await store.claim(sessionId, seq, { workerId, workerNumber: 1 }, deadFence);
  assert.ok(outcome.kind === 'mine', `claim: ${outcome.kind}`);
  return { granted: outcome.claim, writer: new SessionWriter(store, sessionId, outcome.claim) };
}

/** Submits one turn and claims the session for it. */
export async function submitAndClaim(store: SessionStore, turnId = 't1'): Promise<SessionWriter> {
  const { seq } = await submit(store, turnId);
  return (await claim(store, seq)).writer;
}

export const turn = (seq: number, turnId = `t${seq}`): { sessionId: string; turnId: string; seq: number } => ({
  sessionId,
  turnId,
  seq,
});
