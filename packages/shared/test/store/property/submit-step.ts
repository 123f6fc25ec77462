import assert from 'node:assert/strict';
import { type OnBusy, seqOf } from '../../../../../test/support/session-model.js';
import { HearthError, type TurnRequest } from '../../../src/index.js';
import { cancelledError, newRingId, parseRing } from '../../../src/internal.js';
import { unservedResult } from '../../../src/store/unserved-result.js';
import { request } from '../../support/samples.js';
import { backlogLimit, type Model, type ModelSession, recordWithdrawal, submitTurn, turnOf } from './model.js';
import { perform, pick } from './perform.js';
import type { World } from './world.js';

export interface Submit {
  session: string;
  /** Whether the turnId is one of this session's, if there is any. */
  known: boolean;
  which: number;
  profile: 'default' | 'other' | undefined;
  onBusy: OnBusy | undefined;
  /** Whether the turn is submitted as refused. */
  refused: boolean;
  producer: number;
  drop: boolean;
}

export async function submit(model: Model, world: World, step: Submit): Promise<void> {
  const session = model.sessions.get(step.session);
  const ids = session?.turns.map(({ turnId }) => turnId) ?? [];
  const turnId = step.known && ids.length > 0 ? pick(ids, step.which) : `turn-${model.fresh()}`;
  // A session is opened under `default`, so that `other` is a mismatch.
  const profile = session === undefined ? undefined : step.profile;
  const client = pick(world.producers, step.producer);
  const ringId = newRingId();
  const input = {
    sessionId: step.session,
    turnId,
    request: request(`do ${turnId}`),
    profile,
    ringId,
    onBusy: step.onBusy,
    refusedWith: step.refused ? cancelledError('a test wants it') : undefined,
  };
  const { outcome, changed, resent } = await perform(world, { client, script: 'submit', drop: step.drop }, () =>
    client.store.submit(input),
  );

  const knownAs = session === undefined ? 0 : seqOf(session, turnId);
  const refusal =
    knownAs > 0
      ? undefined
      : session?.isClosing
        ? 'session_closing'
        : step.refused
          ? undefined
          : profile === 'other'
            ? 'profile_mismatch'
            : step.onBusy === 'reject' && (session?.log.length ?? 0) > 0
              ? 'session_busy'
              : (session?.log.length ?? 0) >= backlogLimit
                ? 'backlog_full'
                : undefined;
  if (refusal !== undefined) {
    assert.equal(outcome instanceof HearthError && outcome.code, refusal);
    assert.equal(changed, false, 'a refused turn changed something');
    // A late resend may be accepted, so it is no repetition.
    world.dropCalls((call) => call.args.includes(turnId));
    return;
  }
  assert.ok(!(outcome instanceof HearthError), JSON.stringify(outcome));
  const first = knownAs === 0;
  const opened = session ?? model.openSession(step.session, outcome.incarnation);
  const onBusy = step.refused ? 'enqueue' : (step.onBusy ?? 'enqueue');
  const seq = first ? submitTurn(opened, turnId, input.request, ringId, onBusy) : knownAs;
  if (first && input.refusedWith !== undefined) refuseTurn(opened, seq, input.refusedWith);
  const turn = turnOf(opened, seq);
  assert.equal(changed, first, 'only a new turn changes anything');
  assert.deepEqual(outcome, {
    seq,
    incarnation: opened.incarnation,
    cursor: turn.cursor,
    ring: parseRing(turn.ring),
    profile: 'default',
    position: Math.max(0, opened.log.indexOf(seq)),
    state: !opened.log.includes(seq) ? 'committed' : first && !resent ? 'accepted' : 'known',
    // No owner in this test subscribes to its wake channel.
    ...(first && !resent && { unheardOwner: step.refused || opened.owner === '' ? undefined : opened.owner }),
  });
}

function refuseTurn(session: ModelSession, seq: number, error: HearthError): void {
  const { turnId, request } = turnOf(session, seq);
  const turn = { sessionId: session.id, turnId, seq, attempts: 0, request: request as TurnRequest };
  const result = unservedResult(turn, error, 0);
  recordWithdrawal(session, seq, result, { type: 'turn.failed', seq, turnId, error: result.error, result });
}
