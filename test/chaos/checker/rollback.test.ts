import { expect, test } from 'vitest';
import { check } from './check.js';
import type { HistoryRecord } from './records.js';
import { begin, broken, change, event, finish, inc, isEvent, of, type Story, story, without } from './story.js';

const at = 207;
const until = 240;
const kept = { s: { incarnation: inc, events: 5 } };
const rolledBack: HistoryRecord = { kind: 'rolled_back', at, until, kept };
const second = { seq: 2, turnId: 't2', worker: 'w1', pid: 11 };

/** Redis forgets that the second turn began and ended; the turn is served again. */
function forgotten(): Story {
  const before = story().filter((record) => record.at < 210 || record.kind === 'reader_end' || record.kind === 'final');
  return change(
    [
      ...before,
      begin({ at: 210, number: 6, ...second }),
      { kind: 'effect', at: 215, text: 't2/1', pid: 11 },
      finish(220, 7, 2, 't2', 'w1'),
      { kind: 'ended', at: 221, sessionId: 's', turnId: 't2', seq: 2, status: 'finished', attempt: 1 },
      rolledBack,
      event('r1', 5, 300, { type: 'stream.expired' }),
      begin({ at: 310, number: 6, ...second }),
      finish(320, 7, 2, 't2', 'w1'),
    ],
    of('final'),
    { lastEvent: 7 },
  ).map((record) => (record.kind === 'submit' ? { ...record, onInterrupted: 'fail' } : record));
}
const isAgain = (number: number) => (record: HistoryRecord) => isEvent(number)(record) && record.at > until;
const again: HistoryRecord = { kind: 'effect', at: 5_000, text: 't2/1', pid: 11 };

test('forgotten writes may be repeated: begin, effects, commit; ids are assigned again, and readers are told', () => {
  expect(broken([...forgotten(), again])).toEqual([]);
});

test('without a rollback all of it is wrong', () => {
  expect(broken(without([...forgotten(), again], of('rolled_back')))).toEqual(
    expect.arrayContaining(['no effect twice', "every reader's view is complete"]),
  );
});

test('writes from before the rollback are not repeated', () => {
  expect(broken([...forgotten(), { kind: 'effect', at: 5_000, text: 't1/1', pid: 11 }])).toEqual(['no effect twice']);
  const twice = change(change(forgotten(), isAgain(6), { seq: 1, turnId: 't1' }), isAgain(7), { seq: 1, turnId: 't1' });
  expect(broken(twice)).toContain('one commit per turn');
});

test('turns accepted before the rollback are kept; turns accepted after that may be missing', () => {
  const turns = [{ turnId: 't1', seq: 1, status: 'finished' }];
  const gone = change(without(forgotten(), of('ended', 221)), of('final'), { turns });
  const told: HistoryRecord = {
    kind: 'ended',
    at: 400,
    sessionId: 's',
    turnId: 't2',
    status: 'gone',
    code: 'turn_gone',
  };
  expect(broken([...gone, told])).toEqual(['nothing accepted is lost']);
  expect(broken([...change(gone, of('accepted', 201), { at: 212 }), told])).toEqual([]);
  // The ring waited for Redis, and so did the answer to its caller.
  expect(broken([...change(gone, of('accepted', 201), { at: 399 }), told])).toEqual([]);
  // The caller is told all the same.
  expect(broken(change(gone, of('accepted', 201), { at: 212 }))).toEqual(['every caller is told']);
});

test('a caller that was told a forgotten ending may have a result that differs from the one that is kept', () => {
  const turns = [
    { turnId: 't1', seq: 1, status: 'finished' },
    { turnId: 't2', seq: 2, status: 'failed' },
  ];
  const other = change(change(forgotten(), isAgain(7), { type: 'turn.failed' }), of('final'), { turns });
  expect(broken(other)).toEqual([]);
  expect(broken(change(other, of('ended', 221), { at: 500 }))).toEqual(['one commit per turn']);
});

test('readers agree on the events before, on the forgotten ones, and on those that replace them', () => {
  const r2 = (number: number, seenAt: number, type: string): HistoryRecord =>
    event('r2', number, seenAt, { type, seq: 2 });
  expect(broken([...forgotten(), r2(6, 230, 'turn.started')])).toEqual([]);
  expect(broken([...forgotten(), r2(6, 230, 'status')])).toEqual(["every reader's view is complete"]);
  expect(broken([...forgotten(), r2(6, 330, 'status')])).toEqual(["every reader's view is complete"]);
  expect(broken([...forgotten(), r2(5, 330, 'status')])).toEqual(["every reader's view is complete"]);
});

test('a reader is told no gap when its position still exists', () => {
  expect(broken([...forgotten(), event('r2', 1, 330, {}), event('r2', 3, 340, { type: 'stream.expired' })])).toEqual([
    "every reader's view is complete",
  ]);
});

test('forgotten turns are in order, too, and no former owner writes in them', () => {
  expect(broken(change(forgotten(), (record) => isEvent(6)(record) && record.at < until, { attempt: 2 }))).toEqual([
    'per-session order',
  ]);
  const foreign = change(forgotten(), (record) => isEvent(7)(record) && record.at < until, { workerId: 'w2' });
  expect(broken(foreign)).toEqual(['no write under an old fence']);
});

test('a forgotten takeover is repeated, in time', () => {
  const undone: HistoryRecord = {
    kind: 'rolled_back',
    at: 1_490,
    until: 2_000,
    kept: { s: { incarnation: inc, events: 6 } },
  };
  const records: Story = [
    ...without(story(), (record) => of('ended', 1_621)(record) || isEvent(9)(record)),
    undone,
    { kind: 'owner', at: 2_010, sessionId: 's', incarnation: inc, workerId: 'w1', epoch: 1, events: 6 },
    event('r1', 6, 2_020, { type: 'stream.expired' }),
  ];
  const served = (servedAt: number): string[] => {
    const third = { ...second, worker: 'w3', pid: 33, attempt: 2 };
    const claimed: HistoryRecord = {
      kind: 'owner',
      at: 2_900,
      sessionId: 's',
      incarnation: inc,
      workerId: 'w3',
      epoch: 2,
      events: 6,
    };
    const end: Story = [
      event('r1', 7, servedAt, { type: 'turn.restarted', seq: 2, turnId: 't2' }),
      begin({ at: servedAt, number: 8, ...third }),
      finish(servedAt + 5, 9, 2, 't2', 'w3'),
    ];
    const told: HistoryRecord = {
      kind: 'ended',
      at: servedAt + 6,
      sessionId: 's',
      turnId: 't2',
      seq: 2,
      status: 'finished',
    };
    return broken(change([...records, claimed, ...end, told], of('final'), { lastEvent: 9 }));
  };
  expect(served(4_500)).toEqual([]);
  expect(served(4_501)).toEqual(['takeover in time']);
  expect(check(records).violations.map(({ what }) => what)).toContain('s of w1: never');
});
