import { expect, test } from 'vitest';
import { Random } from '../../support/random.js';
import { allFaults, deadlyFaults } from './all.js';
import { planOf, type Round } from './plan.js';

/** The faults of the first rounds, when their hands get this far. */
function drawn(seed: number, hands: readonly number[]): unknown[][] {
  const plan = planOf(new Random(seed), allFaults, deadlyFaults);
  return [1, 2, 3].map(() => {
    const { stormMs, hands: iterators, alone } = plan.next().value as Round;
    const acts = hands.map((count, at) =>
      Array.from({ length: count }, () => {
        const { afterMs, fault } = (iterators[at] as Round['hands'][number]).next().value;
        return { afterMs, name: fault.name, drawn: fault.drawn };
      }),
    );
    return [stormMs, ...acts, alone.map((fault) => ({ name: fault.name, drawn: fault.drawn }))];
  });
}

test('the same seed draws the same faults, with the same parameters', () => {
  expect(drawn(7, [40, 40])).toEqual(drawn(7, [40, 40]));
  expect(drawn(7, [40, 40])).not.toEqual(drawn(8, [40, 40]));
});

test('the progress of one hand does not change the other hands, nor later rounds', () => {
  const far = drawn(7, [40, 40]);
  const near = drawn(7, [3, 40]);
  for (const [round, [stormMs, first, second, alone]] of far.entries())
    expect(near[round]).toEqual([stormMs, (first as unknown[]).slice(0, 3), second, alone]);
});

test('every kind is drawn eventually', () => {
  const plan = planOf(new Random(1), allFaults, deadlyFaults);
  const [hand] = (plan.next().value as Round).hands;
  const names = new Set(Array.from({ length: 2_000 }, () => hand?.next().value.fault.name));
  expect(names).toEqual(new Set(allFaults.map(({ name }) => name)));
});
