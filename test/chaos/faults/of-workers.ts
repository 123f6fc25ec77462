import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../../support/random.js';
import { kill, stateOf, watchdogOf } from '../stage/processes.js';
import { type FaultKind, faultKind, found, type Hit, type Scene, victim } from './fault.js';

const one = (random: Random): { which: number } => ({ which: random.next() });
/** A worker that returns after its lease gets another name. */
const beyond = (leases: number): boolean => leases > 1;

const killed = faultKind('a worker is killed', 4, one, async (scene, { which }) => {
  const worker = await victim(scene, which);
  if (worker === undefined) return undefined;
  const { workerId } = worker;
  const at = Date.now();
  worker.kill();
  await worker.exited;
  return { did: 1, workerId, at };
});

const frozen = (name: string, leases: number, weight: number): FaultKind =>
  faultKind(name, weight, one, async (scene, { which }): Promise<Hit | undefined> => {
    const worker = await victim(scene, which);
    if (worker === undefined) return undefined;
    const { workerId } = worker;
    const at = Date.now();
    if (beyond(leases)) worker.dies(name);
    worker.freeze();
    await pause(leases * scene.leaseTtlMs);
    const did = stateOf(worker.pid) === 'T' ? 1 : 0;
    worker.thaw();
    return { did, workerId, at, away: 'worker' };
  });

/** The time limit of a drain, in ms: a worker's own deadline is 11 s, and it may be frozen beyond its lease meanwhile. */
const drainMs = 25_000;

const drained = faultKind('a worker is drained', 3, one, async (scene, { which }) => {
  const worker = await victim(scene, which);
  if (worker === undefined) return undefined;
  const at = Date.now();
  worker.drain();
  await worker.leaves(drainMs);
  return { did: 1, workerId: worker.workerId, at };
});

const stalled = (name: string, leases: number): FaultKind =>
  faultKind(name, 2, one, async (scene, { which }): Promise<Hit | undefined> => {
    const worker = await victim(scene, which);
    if (worker === undefined) return undefined;
    const { workerId } = worker;
    const at = Date.now();
    if (beyond(leases)) worker.dies(name);
    const didStall = await worker.order({ stallMs: Math.round(leases * scene.leaseTtlMs) });
    return { did: didStall ? 1 : 0, workerId, at, away: 'worker' };
  });

const clockJumped = faultKind(
  'the clock of a worker jumps',
  2,
  (random) => ({
    ...one(random),
    // By hours, as with a wrong time zone, or beyond the time a session is kept.
    shiftMs: random.chance(0.5) ? random.between(-3_600_000, 3_600_000) : random.pick([-40, 40]) * 24 * 3_600_000,
    forMs: random.between(500, 3_000),
  }),
  async (scene, { which, shiftMs, forMs }) => {
    const worker = await victim(scene, which);
    if (worker === undefined) return undefined;
    const at = Date.now();
    const didJump = await worker.order({ shiftMs });
    await pause(forMs);
    await worker.order({ shiftMs: 0 });
    return { did: didJump ? 1 : 0, workerId: worker.workerId, at, aheadMs: shiftMs };
  },
);

const watchdogKilled = faultKind('a watchdog is killed', 1, one, async (scene, { which }) => {
  const hit = await found(async () => {
    const worker = await victim(scene, which);
    const watchdog = worker === undefined ? undefined : watchdogOf(worker.pid);
    return watchdog !== undefined && kill(watchdog) ? worker : undefined;
  });
  return hit && { did: 1, workerId: hit.workerId };
});

const killedWithWatchdog = faultKind(
  'a worker and its watchdog are killed together',
  1,
  one,
  async (scene, { which }) => {
    const worker = await victim(scene, which);
    if (worker === undefined) return undefined;
    const { workerId } = worker;
    const at = Date.now();
    // A stopped worker cannot start another watchdog.
    worker.freeze();
    const watchdog = watchdogOf(worker.pid);
    if (watchdog !== undefined) kill(watchdog);
    worker.owesHome = watchdog !== undefined;
    worker.kill();
    await worker.exited;
    // The worker that gets its home ends its processes before it serves.
    await heirServes(scene, worker.home);
    return { did: watchdog === undefined ? 0 : 1, workerId, at, isUnguarded: true };
  },
);

const heirServes = ({ stage }: Scene, home: string): Promise<true | undefined> =>
  found(() => (stage.up.some((other) => other.home === home) ? true : undefined));

/** Each of them ends an owner. */
export const deadly: readonly FaultKind[] = [
  killed,
  frozen('a worker is frozen beyond its lease', 1.5, 3),
  stalled('an event loop stands still beyond the lease', 1.5),
  killedWithWatchdog,
];

export const ofWorkers: readonly FaultKind[] = [
  ...deadly,
  frozen('a worker is frozen for a moment', 0.4, 3),
  drained,
  stalled('an event loop stands still for a moment', 0.4),
  clockJumped,
  watchdogKilled,
];
