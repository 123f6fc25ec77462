import { Random } from '../support/random.js';
import { seqOf, turnAt } from '../support/session-model.js';
import type { Action } from './action.js';
import { controls, runQuietTick, usual } from './actions.js';
import { faults, rollbacks } from './faults.js';
import type { Rules } from './rules.js';
import { leaseTtl, lookAfter, lookAtMost } from './session.js';
import { newWorld, violate, type World } from './world.js';

export interface Run {
  violations: string[];
  /** The names of the steps, in order. */
  trace: string[];
  world: World;
}

export interface Bounds {
  steps: number;
  turns: number;
  /** Whether Redis may fail over to a replica without the last writes. Then only the weaker promises are checked. */
  mayFailOver: boolean;
}

const lateSteps = faults.filter(({ name }) =>
  ['thaw a worker', 'arrives, no reply yet', 'a stray arrives'].includes(name),
);
const mixture = [0, 0.5, 2, 6];

/** Runs the schedule of a seed. Afterwards faults end, and the cluster has to come to rest. */
export function runSchedule(rules: Rules, seed: number, bounds: Bounds): Run {
  const random = new Random(seed);
  const next = (): number => random.next();
  const world = newWorld(rules, 2);
  const actions = [...usual, ...controls(bounds.turns), ...faults, ...(bounds.mayFailOver ? rollbacks : [])];
  const sums: number[] = [];
  let sum = 0;
  // Each schedule has its own weights, so that a step which is rare in one is frequent in another.
  for (const { weight, isRare } of actions) {
    sum += isRare ? weight * (mixture[Math.floor(next() * mixture.length)] ?? 1) : weight;
    sums.push(sum);
  }
  const trace: string[] = [];
  for (let step = 0; step < bounds.steps; step += 1) {
    const at = next() * sum;
    const action = actions[sums.findIndex((upTo) => at < upTo)] as Action;
    const targets = action.targets(world);
    const target = targets[Math.floor(next() * targets.length)];
    if (target !== undefined && action.run(world, target)) trace.push(action.name);
    if (world.ghost.violations.length > 0) return { violations: world.ghost.violations, trace, world };
  }
  runToRest(world, next);
  return { violations: world.ghost.violations, trace, world };
}

/**
 * Runs without new faults. Within lease TTL, a sweep and the work itself, every accepted turn has its result. Commands on their way still
 * arrive, and frozen workers thaw.
 */
export function runToRest(world: World, next: () => number): void {
  world.dropsNext = false;
  const ownerWasDown = ownerIsDown(world);
  // The turn that was rung for the takeover may be withdrawn then, and the next turn waits for its own check.
  const takenOverWithin = leaseTtl + lookAfter + 2;
  const turns = Math.max(1, world.redis.session?.log.length ?? 0);
  let ticks = 0;
  for (const most = leaseTtl + 2 * lookAtMost + 2 * turns + 4; ticks < most && !isAtRest(world); ticks += 1) {
    runQuietTick(world, () => {
      const step = lateSteps[Math.floor(next() * 3 * lateSteps.length)];
      const targets = step?.targets(world) ?? [];
      const target = targets[Math.floor(next() * targets.length)];
      if (target !== undefined) step?.run(world, target);
    });
    if (ownerWasDown && ticks > takenOverWithin && ownerIsDown(world)) violate(world, 'a takeover was late');
  }
  judgeRest(world);
}

function ownerIsDown(world: World): boolean {
  const { session } = world.redis;
  if (session === null || session.owner === '' || session.log.length === 0) return false;
  return !world.workers.some(({ id, state }) => id === session.owner && state === 'up');
}

function isAtRest(world: World): boolean {
  if (world.producers.some(({ pc }) => pc !== 'done')) return false;
  return world.redis.session === null || world.redis.session.log.length === 0;
}

function judgeRest(world: World): void {
  for (let more = 0; more < 3; more += 1) runQuietTick(world);
  const { redis, ghost, reader } = world;
  for (const name of ghost.accepted) {
    const [incarnation = '', turnId = ''] = name.split('/');
    if (ghost.erased.includes(incarnation)) continue;
    const { session } = redis;
    const turn = session?.incarnation === incarnation ? turnAt(session, seqOf(session, turnId)) : undefined;
    if (turn === undefined) violate(world, 'an accepted turn is lost');
    else if (turn.outcome === undefined) violate(world, 'an accepted turn was never served');
  }
  if (redis.session !== null && redis.session.log.length > 0) violate(world, 'a turn never leaves the log');
  if (ghost.lastRollback >= 0) return;
  const isComplete =
    reader.incarnation === redis.session?.incarnation && reader.view.join() === redis.session.events.join();
  if (redis.session !== null && !isComplete) violate(world, "a reader's view is not complete");
}
