import assert from 'node:assert/strict';
import { HearthError } from '../../../src/index.js';
import { cancelledError, DelayedNotes, newRingId, SessionLifecycle } from '../../../src/internal.js';
import { type Model, type ModelSession, predictWithdraw, turnOf, withdrawTurn } from './model.js';
import { perform, pick } from './perform.js';
import type { World } from './world.js';

/** The fence of the owner when that one is dead; else none. */
const deadFenceOf = (model: Model, { owner, fence }: ModelSession): string =>
  owner !== '' && !model.lives(owner) ? fence : '';

export interface Withdraw {
  session: string;
  turn: number;
  /** Say which fence is dead: the right one when its owner is dead, or a wrong one. */
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
  const expected = predictWithdraw(session, seq, deadFence);
  assert.equal(changed, expected === 'withdrawn', 'only a turn that waits is withdrawn');
  // A turn is given its result once: after a lost reply of the script (not of the reads before it) it is known as committed.
  if (!(expected === 'withdrawn' && resent && outcome.kind === 'committed')) assert.equal(outcome.kind, expected);
  if (expected !== 'withdrawn' || !('result' in outcome)) return;
  const { result } = outcome;
  assert.ok(result.status === 'failed' && result.error.code === 'cancelled');
  const { turnId } = turnOf(session, seq);
  withdrawTurn(session, seq, result, { type: 'turn.failed', seq, turnId, error: result.error, result });
}

/** A job is to bring a turn when it is due, or has done so. */
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
  // The first job stays.
  for (const id of [jobId, newRingId()]) assert.equal(await notes.note(session.id, turnId, id, 60_000), jobId);
  session.delayed[turnId] = jobId;
}

const usedBefore = { always: undefined, now: Date.now() + 3_600_000, 'long ago': 1 };

export interface Close {
  session: string;
  /** Only if it has no turn, and nobody used it since: retention's way. */
  usedBefore?: 'now' | 'long ago';
  client: number;
  drop: boolean;
}

export async function close(model: Model, world: World, step: Close): Promise<void> {
  const session = model.session(step.session);
  const client = pick(world.producers, step.client);
  const lifecycle = new SessionLifecycle(client.store);
  const ifUnused = step.usedBefore !== undefined;
  // Everything here was used just now.
  const isUsed = ifUnused && !session.closing && (session.log.length > 0 || step.usedBefore === 'long ago');
  const isToBeUsed = ifUnused && !session.closing && !isUsed && Object.keys(session.delayed).length > 0;
  // Whether it is used is judged by what is so now.
  const how = { client, script: 'close', drop: step.drop, repeatIsNothing: !ifUnused };
  const { outcome, changed } = await perform(world, how, () =>
    lifecycle.close(session.id, session.incarnation, usedBefore[step.usedBefore ?? 'always']),
  );
  if (isUsed || isToBeUsed) {
    assert.equal(outcome, undefined);
    assert.equal(changed, isToBeUsed);
    return;
  }
  assert.equal(changed, !session.closing);
  assert.deepEqual(outcome, {
    owner: session.owner === '' ? undefined : session.owner,
    fence: session.fence,
    seqs: session.log,
  });
  session.closing = true;
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
  const isHeld = session.owner !== '' && dead === '';
  const isErased = !step.otherIncarnation && session.closing && session.log.length === 0 && !isHeld;
  assert.equal(changed, isErased, 'a session was erased that should not be, or was not');
  if (!isErased) {
    const expected = step.otherIncarnation || !session.closing ? 'gone' : 'not_yet';
    assert.deepEqual(outcome, { kind: expected });
    return;
  }
  assert.equal(outcome.kind, resent ? 'gone' : 'erased');
  if (outcome.kind === 'erased') {
    const rings = outcome.rings.map(({ queue, jobId }) => `${queue}/${jobId}`);
    const jobs = [
      ...session.turns.map(({ ring }) => ring),
      ...Object.values(session.delayed).map((id) => `intake/${id}`),
    ];
    for (const job of jobs) assert.ok(rings.includes(job), `the job ${job} was forgotten`);
  }
  await checkErased(session, world);
  model.sessions.delete(session.id);
}

/** What whoever closes a session does, as far as an owner that lives lets it. */
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
  // A closer that comes late, for a session of that name that was before.
  await erase(model, world, { ...step, otherIncarnation: true });
  await erase(model, world, { ...step, otherIncarnation: false });
}

/** Nothing is left under the session's name, and its readers were told. */
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
  // A submit that comes late opens the session again, as it should; it is no repetition any more.
  world.forget((call) => call.args.includes(names.session));
}
