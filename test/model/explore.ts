import { Random } from '../support/random.js';
import type { Action } from './action.js';
import { controls, settleFor, usual } from './actions.js';
import { faults, rollbacks } from './faults.js';
import type { Rules } from './rules.js';
import { leaseTtl, lookAfter, lookAtMost } from './session.js';
import { newWorld, violate, type World } from './world.js';

export interface Run {
  violations: string[];
  /** What happened, in order; read when it went wrong. */
  trace: string[];
  world: World;
}

export interface Bounds {
  steps: number;
  turns: number;
  /** Redis may fail over to a replica that lacks what came last: then only the weaker promise is checked. */
  mayFailOver: boolean;
}

const lateComers = faults.filter(({ name }) =>
  ['thaw a worker', 'arrives, no reply yet', 'a stray arrives'].includes(name),
);
const mixture = [0, 0.5, 2, 6];

/** One schedule, chosen by the seed; then everything that is wrong ends, and the cluster has to come to rest. */
export function runSchedule(rules: Rules, seed: number, bounds: Bounds): Run {
  const random = new Random(seed);
  const next = (): number => random.next();
  const world = newWorld(rules, 2);
  const actions = [...usual, ...controls(bounds.turns), ...faults, ...(bounds.mayFailOver ? rollbacks : [])];
  const sums: number[] = [];
  let sum = 0;
  // Each schedule has its own mixture: what is rare in one is frequent in another.
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
  comeToRest(world, next);
  return { violations: world.ghost.violations, trace, world };
}

/**
 * Nothing new goes wrong any more: within lease TTL, a sweep and the work itself, every accepted turn has its result. What is late
 * comes yet: commands on their way, and workers that wake up.
 */
export function comeToRest(world: World, next: () => number): void {
  world.dropsNext = false;
  const wasOwnedByTheDead = ownerIsDown(world);
  // The turn that was rung for it may be withdrawn just then: the next one has its own look.
  const takenOverWithin = leaseTtl + lookAfter + 2;
  const turns = Math.max(1, world.redis.session?.log.length ?? 0);
  let ticks = 0;
  for (const most = leaseTtl + 2 * lookAtMost + 2 * turns + 4; ticks < most && !isAtRest(world); ticks += 1) {
    settleFor(world, () => {
      const late = lateComers[Math.floor(next() * 3 * lateComers.length)];
      const targets = late?.targets(world) ?? [];
      const target = targets[Math.floor(next() * targets.length)];
      if (target !== undefined) late?.run(world, target);
    });
    if (wasOwnedByTheDead && ticks > takenOverWithin && ownerIsDown(world)) violate(world, 'a takeover was late');
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
  for (let more = 0; more < 3; more += 1) settleFor(world);
  const { redis, ghost, reader } = world;
  for (const name of ghost.accepted) {
    const [incarnation = '', turnId = ''] = name.split('/');
    if (ghost.erased.includes(incarnation)) continue;
    const { session } = redis;
    const turn = session?.incarnation === incarnation ? session.turns[session.turnIds[turnId] ?? 0] : undefined;
    if (turn === undefined) violate(world, 'an accepted turn is not there any more');
    else if (turn.ending === undefined) violate(world, 'an accepted turn was never served');
  }
  if (redis.session !== null && redis.session.log.length > 0) violate(world, 'a turn waits for ever');
  if (ghost.lastRollback >= 0) return;
  const isComplete =
    reader.incarnation === redis.session?.incarnation && reader.view.join() === redis.session.events.join();
  if (redis.session !== null && !isComplete) violate(world, "a reader's view is not complete");
}
