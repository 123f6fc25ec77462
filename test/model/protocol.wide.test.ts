import { expect, test } from 'vitest';
import { exhaust } from './exhaust.js';
import { allSafeguards } from './rules.js';
import { failingOver, firstWrong, strict } from './schedules.js';

test('70,000 schedules of faults break no promise', () => {
  expect(firstWrong(70_000, strict)).toBeUndefined();
});

test('30,000 schedules with failovers of Redis break no weaker promise', () => {
  expect(firstWrong(30_000, failingOver)).toBeUndefined();
});

test('every state of one turn with one fault and one silence comes to rest', () => {
  const { states, violations } = exhaust(allSafeguards, { turnIds: ['t1f'], faults: 1, silences: 1 });
  expect(violations).toEqual([]);
  expect(states).toBeGreaterThan(5_000);
});
