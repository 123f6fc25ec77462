import { expect, test } from 'vitest';
import { exhaust } from './exhaust.js';
import { runSchedule } from './explore.js';
import { allSafeguards, type SafeguardName, safeguards, without } from './rules.js';
import { failingOver, firstSeed, firstWrong, strict } from './schedules.js';

test('2,000 schedules of faults break no promise', () => {
  expect(firstWrong(2_000, strict)).toBeUndefined();
});

// A failover may lose accepted turns that were not replicated. Turns that Redis still has are served, and no old owner writes.
test('1,000 schedules with failovers of Redis break no weaker promise', () => {
  expect(firstWrong(1_000, failingOver)).toBeUndefined();
});

test('every state of one turn with one fault comes to rest', () => {
  const { states, violations } = exhaust(allSafeguards, { turnIds: ['t1f'], faults: 1, silences: 0 });
  expect(violations).toEqual([]);
  expect(states).toBeGreaterThan(300);
});

// The model notices these safeguards by the violation that they prevent.
test.each([
  { name: 'headFirst', violation: 'a turn began before an earlier one' },
  { name: 'sameAgent', violation: 'a session got another agent for no reason' },
  { name: 'deadOnly', violation: 'a session changed its owner for no reason' },
] as const)('without $name: $violation', ({ name, violation }) => {
  const rules = without(name);
  const seeds = Array.from({ length: 3_000 }, (_, at) => firstSeed + at);
  expect(seeds.some((seed) => runSchedule(rules, seed, strict).violations.includes(violation))).toBe(true);
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
