import { type Action, each, ofWorkers, once, ups } from './action.js';
import { leave, stepActor } from './actor.js';
import { stepAdmission } from './admission.js';
import { crash, isSilent, killMarked } from './agent.js';
import { arrive } from './caller.js';
import { stepProducer } from './outside.js';
import { execute } from './redis.js';
import { arriveRenewal } from './upkeep.js';
import { type Call, startWorker, type World } from './world.js';

/** All actors that may have a command on its way. */
const callers = (world: World): { call?: Call }[] => [
  ...world.producers,
  ...world.workers.flatMap(({ admission, actor, sweep }) =>
    [admission, actor, sweep].filter((task) => task !== undefined),
  ),
];

/** Steps that send a command. */
const senders = (world: World): (() => boolean)[] => [
  ...world.producers.filter(({ call }) => call === undefined).map((producer) => () => stepProducer(world, producer)),
  ...world.workers.flatMap((worker) => [
    () => worker.actor?.call === undefined && stepActor(world, worker),
    () => worker.admission?.call === undefined && stepAdmission(world, worker),
  ]),
];

/** Faults. */
export const faults: readonly Action[] = [
  ofWorkers((world, worker) => {
    if (worker.state === 'dead') return false;
    worker.state = 'dead';
    // The watchdog acts at once, because the worker's pipe closes.
    if (world.rules.watchdog) killMarked(world, worker.id);
    return true;
  })('kill a worker', 0.8),
  ofWorkers((world, worker) => {
    if (worker.state !== 'up' || ups(world) < 2) return false;
    worker.state = 'frozen';
    return true;
  })('freeze a worker', 1.2),
  ofWorkers((world, worker) => {
    if (worker.state !== 'up' || worker.actor === undefined || ups(world) < 2) return false;
    if (worker.actor.call === undefined) stepActor(world, worker);
    worker.state = 'frozen';
    return true;
  })('an owner freezes with a command on its way', 0.8),
  each(
    (world) => world.workers,
    (_world, worker) => {
      if (worker.state !== 'frozen') return false;
      Object.assign(worker, { state: 'up', isLate: true });
      return true;
    },
  )('thaw a worker', 1),
  ofWorkers((world, worker) => {
    if (worker.state !== 'up' || worker.isDraining || ups(world) < 2) return false;
    worker.isDraining = true;
    return true;
  })('drain a worker', 0.6),
  ofWorkers((world, { state, actor }) => {
    if (state !== 'up' || actor?.pc !== 'idle' || actor.isRung) return false;
    return leave(world, actor, 'idle');
  })('evict', 0.8),
  once((world) => {
    if (world.workers.filter(({ state }) => state !== 'dead').length > 2 || world.workers.length > 5) return false;
    startWorker(world);
    return true;
  })('start a worker', 1.5),
  each(
    (world) => world.agents,
    (world, agent) => {
      if (agent.state === 'dead') return false;
      crash(world, agent);
      return true;
    },
  )('an agent dies', 1.5),
  each(senders, (_world, send) => send())('a command goes out', 3),
  each(callers, (world, caller) => arrive(world, caller))('arrives, no reply yet', 3),
  each(callers, (_world, { call }) => {
    if (call?.reply === undefined) return false;
    delete call.reply;
    return true;
  })('a reply is lost', 3),
  each(callers, (world, { call }) => {
    if (call === undefined || call.reply !== undefined || world.strays.length > 2) return false;
    world.strays.push({ op: call.op, args: call.args });
    return true;
  })('sent twice', 2),
  each(
    (world) => world.strays,
    (world, stray) => {
      world.strays = world.strays.filter((other) => other !== stray);
      execute(world, stray);
      return true;
    },
  )('a stray arrives', 2),
  ofWorkers((world, worker) => {
    if (!isSilent(world, worker)) return false;
    killMarked(world, worker.id);
    return true;
  })('a watchdog acts', 1),
  ofWorkers(arriveRenewal)('a renewal is late', 1),
  each(
    (world) => world.producers,
    (_world, producer) => {
      if (producer.pc === 'done') return false;
      producer.pc = 'done';
      delete producer.call;
      return true;
    },
  )('a producer dies', 0.6),
  each(
    (world) => world.redis.jobs,
    (world, job) => {
      if (job.state !== 'active' || world.workers.some(({ id, state }) => id === job.by && state === 'up'))
        return false;
      job.state = 'waiting';
      return true;
    },
  )('BullMQ finds a stalled job', 1),
  each(
    (world) => world.redis.jobs,
    (world, job) => {
      const taker = world.workers.find(({ state, isDraining }) => state === 'up' && !isDraining);
      if (job.state !== 'waiting' || taker === undefined) return false;
      Object.assign(job, { state: 'active', by: taker.id });
      return true;
    },
  )('the reply to a fetch is lost', 0.8),
  once((world) => {
    world.dropsNext = true;
    return true;
  })('a publish is lost', 1),
];

/** Redis fails over to a replica without the last writes. */
export const rollbacks: readonly Action[] = [
  once((world) => {
    world.replica = structuredClone(world.redis);
    world.acceptedThere = [...world.ghost.accepted];
    return true;
  })('replicate', 3),
  once((world) => {
    if (world.replica === undefined) return false;
    world.redis = structuredClone(world.replica);
    world.ghost.accepted = [...(world.acceptedThere ?? [])];
    world.ghost.outcomes = {};
    world.ghost.lastRollback = world.now;
    return true;
  })('fail over', 1),
];
