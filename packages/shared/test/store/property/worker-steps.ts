import assert from 'node:assert/strict';
import { claimKind } from '../../../../../test/support/session-model.js';
import { type RawValue, readScript, sourceOf } from '../../../src/store/script-declarations.js';
import { parseReply, type ScriptReply } from '../../../src/store/scripts.js';
import { workerRecord } from '../../support/samples.js';
import { claimSession, type Model } from './model.js';
import { perform, pick } from './perform.js';
import { claim, clientOf } from './session-steps.js';
import type { World } from './world.js';

const ttlMs = 3_600_000;
export const mostWorkers = 3;

export async function startWorker(model: Model, world: World, step: { drop: boolean }): Promise<void> {
  const id = `worker-${model.fresh()}`;
  const workerNumber = model.lowestFreeNumber();
  const client = pick(world.workers, model.workers.length);
  const { outcome } = await perform(world, { client, script: 'lease_acquire', drop: step.drop }, () =>
    client.leases.acquire(workerRecord(id), ttlMs),
  );
  assert.deepEqual(outcome, { kind: 'ok', workerNumber });
  const before = model.workerNumbers.get(workerNumber);
  if (before !== undefined) model.deadWithoutNumber.add(before);
  assert.deepEqual(new Set(await client.leases.deadWithoutNumber()), model.deadWithoutNumber);
  model.workers.push({ id, workerNumber, alive: true });
  model.workerNumbers.set(workerNumber, id);
}

/** Deletes the lease. The worker does not notice and may continue to write. */
export async function killWorker(model: Model, world: World, step: { which: number }): Promise<void> {
  const worker = pick(model.living, step.which);
  await world.direct.del(world.keys.lease(worker.id));
  worker.alive = false;
}

/** The owner dies, another worker takes over the session, and the old writer still exists. */
export async function takeOver(
  model: Model,
  world: World,
  step: { session: string; worker: number; drop: boolean },
): Promise<void> {
  const owner = model.living.findIndex(({ id }) => id === model.session(step.session).owner);
  if (owner >= 0) await killWorker(model, world, { which: owner });
  if (model.living.length === 0) await startWorker(model, world, { drop: false });
  await claim(model, world, { ...step, zombie: false, seq: 'head', deadFence: 'right' });
}

export async function stopWorker(model: Model, world: World, step: { which: number; drop: boolean }): Promise<void> {
  const worker = pick(model.workers, step.which);
  const client = clientOf(model, world, worker);
  await perform(world, { client, script: 'lease_release', drop: step.drop }, () =>
    client.leases.release(worker.id, worker.workerNumber),
  );
  if (model.workerNumbers.get(worker.workerNumber) === worker.id) model.workerNumbers.delete(worker.workerNumber);
  worker.alive = false;
}

export async function renewLease(model: Model, world: World, step: { which: number; drop: boolean }): Promise<void> {
  const worker = pick(model.workers, step.which);
  const client = clientOf(model, world, worker);
  const { outcome } = await perform(
    world,
    { client, script: 'lease_renew', drop: step.drop, isIdempotent: false },
    () => client.leases.renew(workerRecord(worker.id, worker.workerNumber), ttlMs),
  );
  assert.equal(outcome, worker.alive ? 'ok' : 'dead');
}

/** The same incarnation acquires a lease again. A live one keeps its worker number, a dead one stays dead. */
export async function acquireAgain(model: Model, world: World, step: { which: number; drop: boolean }): Promise<void> {
  const worker = pick(model.workers, step.which);
  const client = clientOf(model, world, worker);
  const { outcome, changed } = await perform(world, { client, script: 'lease_acquire', drop: step.drop }, () =>
    client.leases.acquire(workerRecord(worker.id), ttlMs),
  );
  assert.equal(changed, false);
  assert.deepEqual(outcome, worker.alive ? { kind: 'ok', workerNumber: worker.workerNumber } : { kind: 'dead' });
}

/** A call that was made earlier arrives again. */
export async function lateResend(model: Model, world: World, step: { which: number }): Promise<void> {
  const { script, call } = pick(world.history, step.which);
  const before = await world.dump();
  const reply = (await world.repeat(call)) as RawValue[];
  if (script === 'claim') return lateClaim(model, call.args.slice(2).map(String), reply);
  assert.deepEqual(await world.dump(), before, `a late ${script} changed something`);
}

/** A claim has no fence, so a late claim may succeed. */
function lateClaim(model: Model, args: string[], reply: readonly RawValue[]): void {
  const id = [...model.sessions.keys()].find((session) => args[0]?.endsWith(`:${session}`));
  if (id === undefined) return;
  const script = readScript(sourceOf('claim'));
  const names = [...script.keys, ...script.args];
  const { workerId, deadFence = '', seq } = Object.fromEntries(names.map((name, at) => [name, args[at]]));
  const worker = model.workers.find((one) => one.id === workerId);
  const session = model.session(id);
  assert.ok(worker !== undefined);
  if (claimKind(session, worker.id, Number(seq), deadFence) !== 'anew') return;
  const claimed = parseReply('claim', script, reply) as ScriptReply<'claim'>;
  assert.ok(claimed.code === 'OK');
  claimSession(session, worker, claimed.fence);
}
