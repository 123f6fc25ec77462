import assert from 'node:assert/strict';
import { claimKind } from '../../../../../test/support/session-model.js';
import { HearthError } from '../../../src/index.js';
import { encodeSessionId, newRingId, parseRing, SessionWriter, shardOf } from '../../../src/internal.js';
import { claimSession, type Model, type ModelSession, type ModelWorker, sweepSessions, turnOf } from './model.js';
import { perform, pick } from './perform.js';
import type { Client, World } from './world.js';

export const clientOf = (model: Model, world: World, worker: ModelWorker): Client =>
  pick(world.workers, model.workers.indexOf(worker));

export interface Claim {
  session: string;
  worker: number;
  /** Whether a dead worker claims, which does not know yet that it is dead. */
  zombie: boolean;
  seq: 'head' | 'committed' | 'beyond' | 'none';
  /** `right`: the owner's fence if the owner is dead. `wrong`: another one. */
  deadFence: 'right' | 'wrong';
  drop: boolean;
}

export async function claim(model: Model, world: World, step: Claim): Promise<void> {
  const session = model.sessions.get(step.session);
  const worker = pick(step.zombie && model.dead.length > 0 ? model.dead : model.living, step.worker);
  const seq = seqFor(session, step.seq);
  const first = await claimWith(model, world, { step, worker, seq, deadFence: '' });
  if (first !== 'other' || session === undefined) return;
  const client = clientOf(model, world, worker);
  assert.equal(await client.leases.lives(session.owner), model.lives(session.owner));
  const right = step.deadFence === 'right' && !model.lives(session.owner);
  await claimWith(model, world, { step, worker, seq, deadFence: right ? session.fence : `0${session.fence}` });
}

function seqFor(session: ModelSession | undefined, which: Claim['seq']): number {
  if (session === undefined) return 1;
  const head = session.log[0] ?? session.turns.length;
  if (which === 'none') return 0;
  if (which === 'beyond') return session.turns.length + 1;
  const committed = session.turns.findIndex(({ result }) => result !== undefined) + 1;
  return which === 'committed' && committed > 0 ? committed : head;
}

async function claimWith(
  model: Model,
  world: World,
  by: { step: Claim; worker: ModelWorker; seq: number; deadFence: string },
): Promise<string> {
  const { step, worker, seq, deadFence } = by;
  const session = model.sessions.get(step.session);
  const expected = claimKind(session, worker.id, seq, deadFence);
  const client = clientOf(model, world, worker);
  const { outcome, changed, resent } = await perform(world, { client, script: 'claim', drop: step.drop }, () =>
    client.store.claim(step.session, seq, { workerId: worker.id, workerNumber: worker.workerNumber }, deadFence),
  );
  assert.ok(!(outcome instanceof HearthError), JSON.stringify(outcome));
  assert.equal(changed, expected === 'anew', 'only a change of owner changes anything');
  if (session === undefined || expected === 'gone') {
    assert.deepEqual(outcome, { kind: 'gone' });
  } else if (expected === 'committed') {
    assert.deepEqual(outcome, { kind: 'committed', result: turnOf(session, seq).result });
  } else if (expected === 'other') {
    assert.deepEqual(outcome, {
      kind: 'other',
      owner: session.owner,
      workerNumber: session.workerNumber,
      fence: session.fence,
    });
  } else {
    assert.ok(outcome.kind === 'mine', outcome.kind);
    if (expected === 'anew') claimSession(session, worker, outcome.claim.fence);
    assert.match(outcome.claim.fence, new RegExp(`^${session.epoch}\\.[0-9a-f]{12}$`));
    assert.deepEqual(outcome, {
      kind: 'mine',
      anew: expected === 'anew' && !resent,
      claim: {
        fence: session.fence,
        batch: session.batch,
        incarnation: session.incarnation,
        claudeSessionId: session.claude === '' ? undefined : session.claude,
        transcriptChunks: session.committedChunks,
        profile: 'default',
        note: session.note,
        isSingleTurn: false,
      },
    });
    newWriter(model, world, worker, session, client, outcome.claim);
  }
  return expected;
}

function newWriter(
  model: Model,
  world: World,
  worker: ModelWorker,
  session: ModelSession,
  client: Client,
  granted: ConstructorParameters<typeof SessionWriter>[2],
): void {
  // A worker has one writer per fence, because only that writer knows the next batch number.
  const same = model.writers.findIndex((one) => one.session === session.id && one.fence === granted.fence);
  if (same >= 0) model.writers.splice(same, 1);
  const key = model.fresh();
  model.writers.push({ key, worker, session: session.id, fence: granted.fence, fenced: false });
  world.writers.set(key, new SessionWriter(client.store, session.id, granted));
}

export interface RingAgain {
  session: string;
  turn: number;
  /** The last ring of the turn, or an older one. */
  seen: 'last' | 'older';
  client: number;
  drop: boolean;
}

export async function ring(model: Model, world: World, step: RingAgain): Promise<void> {
  const session = model.session(step.session);
  if (session.turns.length === 0) return;
  const seq = (step.turn % session.turns.length) + 1;
  const turn = turnOf(session, seq);
  const client = pick(world.workers, step.client);
  const next = { queue: 'intake' as const, jobId: newRingId() };
  const seen = step.seen === 'last' ? parseRing(turn.ring) : { queue: 7, jobId: 'older' };
  const { outcome, changed } = await perform(world, { client, script: 'ring', drop: step.drop }, () =>
    client.store.ring(session.id, seq, seen, next),
  );
  const won = session.log.includes(seq) && step.seen === 'last';
  assert.equal(changed, won);
  if (won) turn.ring = `intake/${next.jobId}`;
  assert.deepEqual(outcome, won ? { turnId: turn.turnId, request: turn.request, profile: 'default' } : undefined);
}

export interface Sweep {
  session: string;
  worker: number;
  /** Whether the caller passes the dead workers. */
  withDead: boolean;
  drop: boolean;
}

export async function sweep(model: Model, world: World, step: Sweep): Promise<void> {
  const shard = shardOf(step.session);
  const client = pick(world.workers, step.worker);
  const dead = step.withDead ? model.dead.map(({ id }) => id) : [];
  const before = structuredClone([...model.sessions.values()]);
  // Nothing becomes overdue by itself in a test, so a repeated sweep returns no overdue session again.
  const { outcome, resent } = await perform(world, { client, script: 'sweep', drop: step.drop }, () =>
    client.store.sweep(shard, 10, dead),
  );
  assert.ok(!(outcome instanceof HearthError), JSON.stringify(outcome));
  const inShard = [...model.sessions.values()].filter(({ id }) => shardOf(id) === shard);
  const { overdue, orphaned } = sweepSessions(inShard, new Set(dead));
  // After a lost reply the overdue sessions come again at their next check.
  const expected = resent ? orphaned : [...overdue, ...orphaned];
  assert.deepEqual(outcome.map(({ sessionId }) => sessionId).toSorted(), expected.toSorted());
  for (const swept of outcome) {
    const session = before.find(({ id }) => id === swept.sessionId);
    assert.ok(session !== undefined);
    const seq = session.log[0] ?? 0;
    const turn = turnOf(session, seq);
    assert.deepEqual(swept, {
      sessionId: session.id,
      seq,
      ring: parseRing(turn.ring),
      owner: session.owner === '' ? undefined : session.owner,
      workerNumber: session.workerNumber === 0 ? undefined : session.workerNumber,
    });
  }
}

/** Moves the next check of the session into the past. */
export async function becomeOverdue(model: Model, world: World, step: { session: string }): Promise<void> {
  const session = model.session(step.session);
  await world.direct.zadd(world.keys.pending(shardOf(session.id)), 'XX', 0, encodeSessionId(session.id));
  session.isOverdue = session.log.length > 0;
}
