import assert from 'node:assert/strict';
import { HearthError } from '../../../src/index.js';
import { ControlRequests, SessionLifecycle } from '../../../src/internal.js';
import { interruptTurn, type Model, turnOf } from './model.js';
import { perform, pick } from './perform.js';
import type { World } from './world.js';

export interface ControlStep {
  session: string;
  which: number;
  client: number;
  drop: boolean;
}

const controlRequestsOf = (world: World, { client }: ControlStep): ControlRequests =>
  new ControlRequests(pick(world.producers, client).store);

export async function interrupt(model: Model, world: World, step: ControlStep): Promise<void> {
  const session = model.session(step.session);
  if (session.turns.length === 0) return;
  const seq = (step.which % session.turns.length) + 1;
  const client = pick(world.producers, step.client);
  const { outcome, changed } = await perform(world, { client, script: 'interrupt', drop: step.drop }, () =>
    controlRequestsOf(world, step).interrupt(session.id, seq),
  );
  const turn = turnOf(session, seq);
  if (!session.log.includes(seq)) {
    assert.deepEqual(outcome, { kind: 'ended', result: turn.result });
    assert.equal(changed, false);
    return;
  }
  assert.deepEqual(outcome, {
    kind: 'stored',
    isBegun: turn.state === 'running',
  });
  assert.equal(changed, !turn.isToStop, 'a control request is stored once');
  interruptTurn(session, seq);
}

export async function answer(model: Model, world: World, step: ControlStep & { asOwner: boolean }): Promise<void> {
  const session = model.session(step.session);
  const ids = [...new Set(Object.keys(session.permissions).map((field) => field.replace(/!$/, ''))), 'unknown'];
  const requestId = pick(ids, step.which);
  const asked = session.permissions[requestId] as { seq: number } | '' | undefined;
  const seq = (asked === '' ? undefined : asked?.seq) ?? session.log[0] ?? 1;
  const before = session.permissions[`${requestId}!`];
  const client = pick(world.producers, step.client);
  // A worker that lost the session answers under its old fence.
  const fence = step.asOwner ? `${session.fence}-old` : '';
  const resolved = { by: 'answer' as const, answer: { decision: 'deny' as const, message: 'no' } };
  const { outcome, changed } = await perform(world, { client, script: 'answer', drop: step.drop }, () =>
    controlRequestsOf(world, step).resolve(session.id, { requestId, seq, name: 'Bash' }, resolved, fence),
  );
  assert.ok(!(outcome instanceof HearthError), JSON.stringify(outcome));
  const isOpen = before === undefined && asked !== undefined && asked !== '' && session.log.includes(seq);
  const expected = step.asOwner ? 'fenced' : before !== undefined ? 'resolved' : isOpen ? 'ok' : 'gone';
  assert.equal(outcome.kind, expected);
  assert.equal(changed, expected === 'ok', 'a permission request is resolved once');
  if (expected !== 'ok') return;
  assert.ok(turnOf(session, seq).result === undefined);
  Object.assign(session.permissions, { [requestId]: '', [`${requestId}!`]: resolved });
  session.events.push({
    type: 'permission.resolved',
    seq,
    requestId,
    name: 'Bash',
    decision: 'deny',
    by: 'answer',
    message: 'no',
  });
}

export async function open(
  model: Model,
  world: World,
  step: ControlStep & { profile: 'default' | 'other' | undefined },
): Promise<void> {
  const session = model.sessions.get(step.session);
  const profile = session === undefined ? undefined : step.profile;
  const client = pick(world.producers, step.client);
  const { outcome, changed } = await perform(world, { client, script: 'open', drop: step.drop }, () =>
    new SessionLifecycle(client.store).open(step.session, profile),
  );
  const refusal = session?.isClosing ? 'session_closing' : profile === 'other' ? 'profile_mismatch' : undefined;
  assert.equal(changed, session === undefined, 'a session is opened once');
  if (refusal !== undefined) {
    assert.equal(outcome instanceof HearthError && outcome.code, refusal);
    return;
  }
  assert.ok(!(outcome instanceof HearthError), JSON.stringify(outcome));
  const opened = session ?? model.openSession(step.session, outcome.incarnation);
  assert.deepEqual(outcome, {
    incarnation: opened.incarnation,
    cursor: opened.events.length,
    queue: opened.workerNumber === 0 ? 'intake' : opened.workerNumber,
    profile: 'default',
    owner: opened.owner === '' ? undefined : opened.owner,
  });
}
