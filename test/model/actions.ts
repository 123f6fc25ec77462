import { type Action, action, each, ofWorkers, once, ups } from './action.js';
import { stepActor } from './actor.js';
import { stepAdmission, takeDoorbell } from './admission.js';
import { isSilent, killMarked, stepAgent, takeEffect } from './agent.js';
import { arrive } from './caller.js';
import { addProducer, readStream, stepProducer, stepReader } from './outside.js';
import type { Job } from './session.js';
import { arriveRenewal, checkLease, endDrain, renew, stepRenewal, stepSweep } from './upkeep.js';
import { type Call, startWorker, type Worker, type World } from './world.js';

/** Sends a command, executes it, and delivers its reply in one step, which is the usual case. */
const through = (
  step: (world: World, worker: Worker) => boolean,
  caller: (worker: Worker) => { call?: Call } | undefined,
) =>
  ofWorkers((world, worker) => {
    const moved = step(world, worker);
    return (arrive(world, caller(worker)) && step(world, worker)) || moved;
  });

const stepWorker = through(stepActor, ({ actor }) => actor)('actor', 40);

/** Steps without faults. */
export const usual: readonly Action[] = [
  stepWorker,
  through(stepAdmission, ({ admission }) => admission)('admission', 12),
  through(stepSweep, ({ sweep }) => sweep)('sweep', 4),
  ofWorkers((world, worker) => takeDoorbell(world, worker, 'intake'))('intake queue', 10),
  ofWorkers((world, worker) => takeDoorbell(world, worker, `worker-${worker.workerNumber}`))('worker queue', 10),
  ofWorkers(endDrain)('end of drain', 2),
  each((world) => world.agents, stepAgent)('agent', 40),
  each(
    (world) => world.tools,
    (world, tool) => {
      takeEffect(world, tool);
      return true;
    },
  )('effect', 8),
  each(
    (world) => world.producers,
    (world, producer) => {
      const moved = stepProducer(world, producer);
      return (arrive(world, producer) && stepProducer(world, producer)) || moved;
    },
  )('producer', 14),
  once(stepReader)('reader', 4),
  once((world) => {
    // A worker finds a session whose closer died.
    const { session } = world.redis;
    const isClosed = world.producers.some(({ pc }) => ['close', 'owner', 'withdraw', 'erase'].includes(pc));
    if (session?.isClosing !== true || isClosed || ups(world) === 0) return false;
    addProducer(world, 'close', '', session.incarnation);
    return true;
  })('retention', 1),
  each(
    (world) => world.redis.jobs,
    (world, job) => {
      if (job.state !== 'active' || isHeld(world, job)) return false;
      job.state = 'waiting';
      return true;
    },
  )('BullMQ finds a stalled job without a holder', 1),
  once(tick)('tick', 3.9),
];

/**
 * Whether the worker that BullMQ lists for a job has it. It may not, after a lost reply to its fetch or a failover of Redis. Only BullMQ's
 * own check finds such a job, because a sweep accepts an active job of a live worker.
 */
function isHeld(world: World, { queue, id, by }: Job): boolean {
  const worker = world.workers.find((other) => other.id === by);
  if (worker === undefined) return false;
  const doorbells = [worker.admission?.doorbell, ...(worker.actor?.doorbells ?? [])];
  return doorbells.some((doorbell) => doorbell?.queue === queue && doorbell.job === id);
}

const kinds = ['f', 'r', 'p', 'b'] as const;

/** Steps of callers. At most `turns` turns are submitted. */
export const controls = (turns: number): readonly Action[] => [
  action(
    'submit',
    8,
    () => kinds,
    (world, kind) => {
      const before = world.producers.filter(({ turnId }) => turnId.startsWith('t')).length;
      if (before >= turns) return false;
      addProducer(world, 'submit', `t${before + 1}${kind}`);
      return true;
    },
  ),
  each(
    (world) => world.producers.filter(({ seq }) => seq > 0).slice(-2),
    (world, { turnId, incarnation, seq }) => {
      if (world.producers.some(({ pc }) => pc === 'interrupt')) return false;
      addProducer(world, 'interrupt', turnId, incarnation).seq = seq;
      return true;
    },
  )('interrupt', 1),
  each(
    (world) => world.producers.filter(({ seq }) => seq > 0).slice(-2),
    (world, { turnId, incarnation, seq }) => {
      addProducer(world, 'cancel', turnId, incarnation).seq = seq;
      return true;
    },
  )('cancel', 0.4),
  once((world) => {
    const { session } = world.redis;
    if (session === null || session.isClosing || world.ghost.erased.length > 0) return false;
    addProducer(world, 'close', '', session.incarnation);
    return true;
  })('close', 0.8),
];

/** Advances time by one tick. Everything with a deadline happens before. */
export function tick(world: World): boolean {
  for (const worker of world.workers) {
    if (isSilent(world, worker)) killMarked(world, worker.id);
    checkLease(world, worker);
    if (worker.state === 'up' && worker.renewal === undefined) {
      renew(world, worker);
      // Half of the renewals are answered within the tick, the others later.
      arriveRenewal(world, worker);
    }
    stepRenewal(world, worker);
  }
  world.now += 1;
  return true;
}

/** Runs one tick without faults, in which every actor does all it can. */
export function runQuietTick(world: World, meanwhile: () => void = () => undefined): void {
  // A worker that lost its lease starts again under a new workerId.
  if (!world.workers.some(({ state, isDraining }) => state === 'up' && !isDraining)) startWorker(world);
  for (let moved = true, rounds = 0; moved && rounds < 400; rounds += 1) {
    moved = false;
    meanwhile();
    for (const { name, targets, run } of usual) {
      if (name === 'tick' || (name === 'sweep' && rounds > 0)) continue;
      for (const target of targets(world)) moved = run(world, target) || moved;
    }
  }
  for (const worker of world.workers) if (worker.sweep !== undefined) sweepOnce(world, worker);
  if (world.rules.silenceRead) readStream(world);
  tick(world);
}

/** Runs a whole sweep. */
export function sweepOnce(world: World, worker: Worker): void {
  do {
    stepSweep(world, worker);
    arrive(world, worker.sweep);
  } while (worker.sweep !== undefined && worker.state === 'up');
}
