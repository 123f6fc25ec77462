import { expect, test } from 'vitest';
import { exhaust } from './exhaust.js';
import { type Bounds, runSchedule } from './explore.js';
import { allSafeguards, type SafeguardName, safeguards, without } from './rules.js';

/** HEARTH_MODEL_SEED sets another first seed. The schedule of a seed is the same everywhere. */
const firstSeed = Number(process.env['HEARTH_MODEL_SEED'] ?? 1);
const strict: Bounds = { steps: 110, turns: 3, mayFailOver: false };
const failingOver: Bounds = { ...strict, mayFailOver: true };

/** The first schedule with a violation. */
function firstWrong(count: number, bounds: Bounds, rules = allSafeguards): object | undefined {
  for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
    const { violations, trace } = runSchedule(rules, seed, bounds);
    if (violations.length > 0) return { seed, violations, trace };
  }
  return undefined;
}

test('70,000 schedules of faults break no promise', () => {
  expect(firstWrong(70_000, strict)).toBeUndefined();
}, 180_000);

// A failover may lose accepted turns that were not replicated. Turns that Redis still has are served, and no old owner writes.
test('30,000 schedules with failovers of Redis break no weaker promise', () => {
  expect(firstWrong(30_000, failingOver)).toBeUndefined();
}, 180_000);

test('every state of one turn with one fault and one silence comes to rest', () => {
  const { states, violations } = exhaust(allSafeguards, { turnIds: ['t1f'], faults: 1, silences: 1 });
  expect(violations).toEqual([]);
  expect(states).toBeGreaterThan(5_000);
}, 180_000);

// The model notices these safeguards by the violation that they prevent.
test.each([
  { name: 'headFirst', violation: 'a turn began before an earlier one' },
  { name: 'sameAgent', violation: 'a session got another agent for no reason' },
  { name: 'deadOnly', violation: 'a session changed its owner for no reason' },
] as const)('without $name: $violation', ({ name, violation }) => {
  const found = Array.from({ length: 3_000 }, (_, at) => runSchedule(without(name), firstSeed + at, strict).violations);
  expect(found.flat()).toContain(violation);
});

test.each(Object.entries(safeguards))(
  'the model notices when %s is missing: %s',
  (name) => {
    const rules = without(name as SafeguardName);
    // Epochs start again only after a failover.
    const bounds = name === 'nonce' ? failingOver : strict;
    expect(firstWrong(30_000, { ...bounds, steps: 240 }, rules)).toBeDefined();
  },
  120_000,
);
