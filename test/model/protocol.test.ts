import { expect, test } from 'vitest';
import { exhaust } from './exhaust.js';
import { type Bounds, runSchedule } from './explore.js';
import { allWatchdogs, type WatchdogName, watchdogs, without } from './rules.js';

/** HEARTH_MODEL_SEED begins elsewhere; the schedules of a number are the same everywhere. */
const firstSeed = Number(process.env['HEARTH_MODEL_SEED'] ?? 1);
const strict: Bounds = { steps: 110, turns: 3, mayFailOver: false };
const failingOver: Bounds = { ...strict, mayFailOver: true };

/** The first schedule in which something is wrong. */
function firstWrong(count: number, bounds: Bounds, rules = allWatchdogs): object | undefined {
  for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
    const { violations, trace } = runSchedule(rules, seed, bounds);
    if (violations.length > 0) return { seed, violations, trace };
  }
  return undefined;
}

test('70,000 schedules of faults break no promise', () => {
  expect(firstWrong(70_000, strict)).toBeUndefined();
}, 180_000);

// What is acknowledged and not replicated may be lost, with its effects; what Redis still has is served, and no old owner writes.
test('30,000 schedules in which Redis fails over as well break none of the weaker promises', () => {
  expect(firstWrong(30_000, failingOver)).toBeUndefined();
}, 180_000);

test('every schedule of one turn with one fault and one silence comes to rest, from every state', () => {
  const { states, violations } = exhaust(allWatchdogs, { turnIds: ['t1f'], faults: 1, silences: 1 });
  expect(violations).toEqual([]);
  expect(states).toBeGreaterThan(5_000);
}, 180_000);

// What a watchdog is there for is noticed as what it is.
test.each([
  { name: 'headFirst', violation: 'a turn began before one that came first' },
  { name: 'sameAgent', violation: 'a session met another agent for no reason' },
  { name: 'deadOnly', violation: 'a session changed its owner for no reason' },
] as const)('without $name $violation', ({ name, violation }) => {
  const found = Array.from({ length: 3_000 }, (_, at) => runSchedule(without(name), firstSeed + at, strict).violations);
  expect(found.flat()).toContain(violation);
});

test.each(Object.entries(watchdogs))(
  'without %s it is noticed: %s',
  (name) => {
    const rules = without(name as WatchdogName);
    // Epochs begin again when Redis has lost some.
    const bounds = name === 'nonce' ? failingOver : strict;
    expect(firstWrong(30_000, { ...bounds, steps: 240 }, rules)).toBeDefined();
  },
  120_000,
);
