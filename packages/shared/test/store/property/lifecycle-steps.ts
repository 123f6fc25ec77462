import assert from 'node:assert/strict';
import { eraseKind, withdrawKind } from '../../../../../test/support/session-model.js';
import { HearthError } from '../../../src/index.js';
import { cancelledError, DelayedNotes, newRingId, SessionLifecycle } from '../../../src/internal.js';
import { type Model, type ModelSession, recordWithdrawal, turnOf } from './model.js';
import { perform, pick } from './perform.js';
import type { World } from './world.js';

/** The fence of a dead owner, else ''. */
const deadFenceOf = (model: Model, { owner, fence }: ModelSession): string =>
  owner !== '' && !model.lives(owner) ? fence : '';

export interface Withdraw {
  session: string;
  turn: number;
  /** `right`: the owner's fence if the owner is dead. */
  deadFence: 'right' | 'wrong' | 'none';
  client: number;
  drop: boolean;
}

export async function withdraw(model: Model, world: World, step: Withdraw): Promise<void> {
  const session = model.session(step.session);
  if (session.turns.length === 0) return;
  const seq = (step.turn % session.turns.length) + 1;
  const right = deadFenceOf(model, session);
  const deadFence = step.deadFence === 'right' ? right : step.deadFence === 'wrong' ? '0.none' : '';
  const client = pick(world.producers, step.client);
  const lifecycle = new SessionLifecycle(client.store);
  const { outcome, changed, resent } = await perform(world, { client, script: 'withdraw', drop: step.drop }, () =>
    lifecycle.withdraw(session.id, seq, cancelledError('a test wants it'), deadFence),
  );
  assert.ok(!(outcome instanceof HearthError), JSON.stringify(outcome));
  const expected = withdrawKind(session, seq, deadFence);
  assert.equal(changed, expected === 'withdrawn', 'only a waiting turn is withdrawn');
  // After a lost reply of the script (not of the reads before it) the resend finds the turn committed.
  if (!(expected === 'withdrawn' && resent && outcome.kind === 'committed')) assert.equal(outcome.kind, expected);
  if (expected !== 'withdrawn' || !('result' in outcome)) return;
  const { result } = outcome;
  assert.ok(result.status === 'failed' && result.error.code === 'cancelled');
  const { turnId } = turnOf(session, seq);
  recordWithdrawal(session, seq, result, { type: 'turn.failed', seq, turnId, error: result.error, result });
}

/** Notes the job of a delayed turn, or removes a note. */
export async function delay(
  model: Model,
  world: World,
  step: { session: string; which: number; isOver: boolean; client: number },
): Promise<void> {
  const session = model.session(step.session);
  const notes = new DelayedNotes(pick(world.producers, step.client).store);
  const known = Object.entries(session.delayed);
  if (step.isOver && known.length > 0) {
    const [turnId, jobId] = pick(known, step.which);
    await notes.remove(session.id, turnId, 'another');
    assert.equal(await notes.find(session.id, turnId), jobId);
    await notes.remove(session.id, turnId, jobId);
    delete session.delayed[turnId];
    return;
  }
  const turnId = `later-${model.fresh()}`;
  const jobId = newRingId();
  // The first note stays.
  for (const id of [jobId, newRingId()]) assert.equal(await notes.note(session.id, turnId, id, 60_000), jobId);
  session.delayed[turnId] = jobId;
}

const usedBefore = { always: undefined, now: Date.now() + 3_600_000, 'long ago': 1 };

export interface Close {
  session: string;
  /** As retention closes sessions: only without turns, and unused since. */
  usedBefore?: 'now' | 'long ago';
  client: number;
  drop: boolean;
}

export async function close(model: Model, world: World, step: Close): Promise<void> {
  const session = model.session(step.session);
  const client = pick(world.producers, step.client);
  const lifecycle = new SessionLifecycle(client.store);
  const ifUnused = step.usedBefore !== undefined;
  // Every session of a run was used a moment ago.
  const isUsed = ifUnused && !session.isClosing && (session.log.length > 0 || step.usedBefore === 'long ago');
  const hasDelayed = ifUnused && !session.isClosing && !isUsed && Object.keys(session.delayed).length > 0;
  // A repeated call may find another state, so it may have another effect.
  const how = { client, script: 'close', drop: step.drop, isIdempotent: !ifUnused };
  const { outcome, changed } = await perform(world, how, () =>
    lifecycle.close(session.id, session.incarnation, usedBefore[step.usedBefore ?? 'always']),
  );
  if (isUsed || hasDelayed) {
    assert.equal(outcome, undefined);
    assert.equal(changed, hasDelayed);
    return;
  }
  assert.equal(changed, !session.isClosing);
  assert.deepEqual(outcome, {
    owner: session.owner === '' ? undefined : session.owner,
    fence: session.fence,
    seqs: session.log,
  });
  session.isClosing = true;
}

export async function erase(
  model: Model,
  world: World,
  step: { session: string; otherIncarnation: boolean; client: number; drop: boolean },
): Promise<void> {
  const session = model.session(step.session);
  const client = pick(world.producers, step.client);
  const lifecycle = new SessionLifecycle(client.store);
  const incarnation = step.otherIncarnation ? 'another' : session.incarnation;
  const dead = deadFenceOf(model, session);
  const { outcome, changed, resent } = await perform(world, { client, script: 'erase', drop: step.drop }, () =>
    lifecycle.erase(session.id, incarnation, dead),
  );
  assert.ok(!(outcome instanceof HearthError), JSON.stringify(outcome));
  const expected = eraseKind(session, incarnation, dead);
  assert.equal(changed, expected === 'erased', 'the session was erased, or not, against the model');
  if (expected !== 'erased') {
    assert.deepEqual(outcome, { kind: expected === 'gone' ? 'gone' : 'not_yet' });
    return;
  }
  assert.equal(outcome.kind, resent ? 'gone' : 'erased');
  if (outcome.kind === 'erased') {
    const rings = outcome.rings.map(({ queue, jobId }) => `${queue}/${jobId}`);
    const jobs = [
      ...session.turns.map(({ ring }) => ring),
      ...Object.values(session.delayed).map((id) => `intake/${id}`),
    ];
    for (const job of jobs) assert.ok(rings.includes(job), `erase did not return the job ${job}`);
  }
  await checkErased(session, world);
  model.sessions.delete(session.id);
}

/** Closes a session as `closeSession` does, as far as a live owner lets it. */
export async function closeWhole(
  model: Model,
  world: World,
  step: { session: string; client: number; drop: boolean },
): Promise<void> {
  const session = model.session(step.session);
  await close(model, world, { ...step });
  for (const seq of session.log) {
    await withdraw(model, world, { ...step, turn: seq - 1, deadFence: 'right' });
  }
  // A late closer of an earlier incarnation.
  await erase(model, world, { ...step, otherIncarnation: true });
  await erase(model, world, { ...step, otherIncarnation: false });
}

/** Checks that no key of the session is left, and that `session.closed` was published. */
async function checkErased(session: ModelSession, world: World): Promise<void> {
  await world.caughtUp();
  const names = world.keys.session(session.id);
  const left = [...(await world.dump()).keys()].filter(
    (name) => name.startsWith(`${names.session}:`) || name === names.session,
  );
  assert.deepEqual(left, [], 'keys of an erased session');
  const heard = world.heard.get(names.channel);
  assert.deepEqual(heard?.events.at(-1), { id: session.events.length + 1, event: { type: 'session.closed' } });
  world.heard.delete(names.channel);
  // A late submit rightly opens the session again, so it is no repetition any more.
  world.dropCalls((call) => call.args.includes(names.session));
}
