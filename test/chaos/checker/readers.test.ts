import { expect, test } from 'vitest';
import { check } from './check.js';
import type { SeenEvent } from './records.js';
import { broken, change, closed, event, inc, isEvent, type Story, story, without } from './story.js';

/** The readers were told of a gap instead of getting two events. */
function gap(): Story {
  const records = without(story(), (record) => [3, 4].some((number) => isEvent(number)(record)));
  records.splice(records.findIndex(isEvent(5)), 0, event('r1', 4, 125, { type: 'stream.expired' }));
  return records;
}
test('a reader that was told that its stream expired is complete, if that part was trimmed', () => {
  expect(broken(gap())).toEqual(["every reader's view is complete"]);
  const grown = (last: number): Story => change(gap(), isEvent(9), { id: `${inc}.${last}` });
  const trimmed = (last: number): string[] =>
    check(grown(last)).violations.flatMap(({ what }) => (what.includes('expired') ? [what] : []));
  expect(trimmed(103)).toHaveLength(1);
  expect(trimmed(104)).toEqual([]);
});

test('a reader may be told that its stream expired when users had closed and reopened the session', () => {
  const records = [
    ...story(),
    event('r2', 9, 1_700, { type: 'turn.finished', seq: 2, turnId: 't2', workerId: 'w2', attempt: 1 }),
    event('r2', 0, 1_800, { type: 'stream.expired', id: 'bb.0' }),
  ];
  expect(broken(records)).toEqual(["every reader's view is complete"]);
  expect(broken([...records, closed(1_750, 1_760)])).toEqual([]);
  expect(broken([...records, closed(1_900)])).toEqual(["every reader's view is complete"]);
});

test('a gap in the events of a reader', () => {
  expect(broken(without(story(), isEvent(3)))).toEqual(["every reader's view is complete"]);
});

test('an event twice', () => {
  const again = story().find(isEvent(3)) as SeenEvent;
  const records = story();
  records.splice(records.findIndex(isEvent(4)), 0, again);
  expect(broken(records)).toEqual(["every reader's view is complete"]);
});

test('a reader that missed the end', () => {
  expect(broken(without(story(), isEvent(9)))).toEqual(["every reader's view is complete"]);
});

test('two readers with different events', () => {
  expect(broken([...story(), event('r2', 3, 120, { type: 'status', seq: 1 })])).toContain(
    "every reader's view is complete",
  );
});
