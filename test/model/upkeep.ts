import { turnAt } from '../support/session-model.js';
import { dropSession } from './actor.js';
import { agentOf, killMarked } from './agent.js';
import { arrive, receive } from './caller.js';
import { leaseTtl, lookAfter, margin, type Ring } from './session.js';
import { lives, newRing, violate, type Worker, type World } from './world.js';

/** One step of a sweep, which rings the first turn of the log again when its ring was lost. */
export function stepSweep(world: World, worker: Worker): boolean {
  if (worker.state !== 'up' || worker.isDraining || !world.rules.sweep) return false;
  worker.sweep ??= { pc: 'sweep', seq: 0, deadFence: '', fence: '' };
  const task = worker.sweep;
  if (task.call === undefined) {
    const { seq, seen, ring } = task;
    if (task.pc === 'sweep') task.call = { op: 'sweep', args: { dead: newlyDead(world, worker) } };
    else task.call = { op: task.pc, args: { seq, seen: seen as Ring, ring: ring as Ring } };
    return true;
  }
  const { dead } = task.call.args;
  const reply = receive(task);
  if (reply === undefined) return false;
  worker.handledDead.push(...(dead ?? []));
  checkHandledDead(world, worker);
  if (task.pc === 'sweep' && reply.owner === worker.id && worker.actor !== undefined) worker.actor.isRung = true;
  if (task.pc === 'sweep' && reply.code === 'LOST' && !(reply.owner === worker.id && worker.actor !== undefined)) {
    const queue = (reply.workerNumber ?? 0) > 0 ? `worker-${reply.workerNumber}` : 'intake';
    const seq = reply.seq ?? 0;
    Object.assign(task, { pc: 'ring', seq, seen: reply.ring, ring: newRing(world, queue, seq) });
  } else if (task.pc === 'ring' && reply.code === 'OK') task.pc = 'add';
  else {
    delete worker.sweep;
    world.redis.deadWithoutNumber = world.redis.deadWithoutNumber.filter((dead) => !worker.handledDead.includes(dead));
  }
  return true;
}

function newlyDead(world: World, { handledDead }: Worker): string[] {
  const holders = [...Object.values(world.redis.workerNumbers), ...world.redis.deadWithoutNumber];
  return holders.filter((holder) => !lives(world, holder) && !handledDead.includes(holder));
}

/** P6: when all live workers have handled a dead owner, its session is rung, or checked soon. */
function checkHandledDead(world: World, { handledDead }: Worker): void {
  const { session } = world.redis;
  const ring = session === null ? undefined : turnAt(session, session.log[0] ?? 0)?.ring;
  if (session === null || ring === undefined || !handledDead.includes(session.owner)) return;
  if (session.nextCheck <= world.now + lookAfter || ring.queue === 'intake') return;
  const others = world.workers.filter(({ state }) => state !== 'dead');
  if (others.some((other) => other.sweep?.pc === 'ring' || !other.handledDead.includes(session.owner))) return;
  violate(world, 'no sweep checks a session of a dead worker');
}

/** Sends a renewal, unless one is on its way. */
export function renew(world: World, worker: Worker): boolean {
  if (worker.state !== 'up' || worker.renewal !== undefined) return false;
  worker.renewal = { op: 'renew', args: { worker: worker.id, at: world.now } };
  return true;
}

/** Takes the reply to a renewal. The renewal counts from when it was sent. */
export function stepRenewal(world: World, worker: Worker): boolean {
  const caller = worker.renewal === undefined ? {} : { call: worker.renewal };
  const sentAt = worker.renewal?.args.at ?? 0;
  if (worker.state !== 'up') return false;
  const reply = receive(caller);
  if (reply === undefined) return false;
  delete worker.renewal;
  if (reply.code === 'DEAD') loseLease(world, worker);
  else {
    worker.beat = sentAt;
    rereadControlRequests(world, worker);
  }
  return true;
}

export function arriveRenewal(world: World, worker: Worker): boolean {
  return worker.renewal === undefined ? false : arrive(world, { call: worker.renewal });
}

/** Ends everything that the worker held. */
function loseLease(world: World, worker: Worker): void {
  killMarked(world, worker.id);
  // Commands that it has sent still arrive.
  for (const { call } of [worker.actor ?? {}, worker.admission ?? {}])
    if (call !== undefined && call.reply === undefined) world.strays.push(call);
  dropSession(world, worker);
  for (const task of ['admission', 'sweep', 'renewal'] as const) delete worker[task];
  worker.state = 'dead';
}

/** Without a confirmed renewal for TTL − margin the worker treats the lease as lost. */
export function checkLease(world: World, worker: Worker): void {
  worker.isLate = false;
  if (worker.state === 'up' && world.now - worker.beat > leaseTtl - margin) loseLease(world, worker);
}

/** Reads stored interrupts again, because calls may be lost (P13). */
function rereadControlRequests(world: World, { actor }: Worker): void {
  const { session } = world.redis;
  if (actor === undefined || session?.incarnation !== actor.incarnation) return;
  const turn = turnAt(session, actor.seq);
  if (turn === undefined) return;
  if (world.rules.controlTarget ? turn.isToStop : session.isToStop) stopTurn(world, actor.agent, actor.seq);
}

/** Delivers the call about an interrupt to the owner. */
export function deliverInterrupt(world: World, worker: Worker, seq: number): void {
  if (worker.state !== 'up' || worker.actor === undefined) return;
  stopTurn(world, worker.actor.agent, seq);
}

function stopTurn(world: World, agentId: string, seq: number): void {
  const agent = agentOf(world, agentId);
  if (agent?.state !== 'busy') return;
  if (agent.seq === seq || !world.rules.controlTarget) agent.isStopping = true;
}

/** A drained worker releases its lease and worker number, and ends. */
export function endDrain(world: World, worker: Worker): boolean {
  if (worker.state !== 'up' || !worker.isDraining) return false;
  if (worker.actor !== undefined || worker.admission !== undefined) return false;
  killMarked(world, worker.id);
  delete world.redis.leases[worker.id];
  if (world.redis.workerNumbers[worker.workerNumber] === worker.id)
    delete world.redis.workerNumbers[worker.workerNumber];
  worker.state = 'dead';
  return true;
}
