import { expect, test } from 'vitest';
import { check } from './check.js';
import type { HistoryRecord } from './records.js';
import { broken, change, fault, isEvent, of, type Story, story, without } from './story.js';

test('a correct takeover breaks no promise, and is counted with its time', () => {
  expect(check(story())).toEqual({
    violations: [],
    turns: 2,
    faults: { 'SIGKILL of a worker': 1 },
    effects: { 'SIGKILL of a worker': 1 },
    takeovers: 1,
    taken: [expect.objectContaining({ sessionId: 's', workerId: 'w1', servedAt: 1_600, due: 2_760, isStrict: true })],
    strictTakeovers: 1,
    takeoverMs: { p50: 1_340, p99: 1_340, max: 1_340 },
  });
});

/** The next turn of the dead owner's session begins at this time; it was due at 2_760. */
const servedAt = (at: number): Story =>
  change(change(story(), isEvent(8), { at }), isEvent(9), { at: at + 5 }).map((record) =>
    of('effect', 1_610)(record) ? { ...record, at: at + 1 } : record,
  );
test('a takeover that takes longer than lease, sweep and resume is late', () => {
  expect(broken(servedAt(2_759))).toEqual([]);
  expect(broken(servedAt(2_761))).toEqual(['takeover in time']);
});

test.each([
  { what: 'the death of its owner, however long', more: { workerId: 'w1', until: 9_000, away: 'worker' } },
  { what: 'on the connections of the producers', more: { until: 9_000 } },
  { what: 'of a worker that never had the session', more: { workerId: 'w3', until: 9_000, away: 'worker' } },
  { what: 'of the new owner, before it had the session', more: { workerId: 'w2', until: 1_400, away: 'worker' } },
  { what: 'of another session', more: { sessionId: 'other', until: 9_000 } },
  { what: 'of Redis, long before', more: { at: 150, until: 159, away: 'redis' } },
  { what: 'of Redis, after the deadline', more: { at: 2_770, until: 9_000, away: 'redis' } },
] as const)('an unrelated fault is no excuse for a late takeover: $what', ({ more }) => {
  const third: HistoryRecord = { kind: 'worker', at: 0, workerId: 'w3', state: 'serves' };
  expect(broken([...servedAt(2_800), third, fault(more)])).toEqual(['takeover in time']);
});

test.each([
  { what: 'its doorbells were lost', more: { away: 'bells' }, due: 1_500 + 300 + 1_500 },
  { what: 'Redis was away', more: { away: 'redis' }, due: 1_500 + 100 + 1_000 + 1_500 },
  {
    what: 'the new owner froze',
    more: { at: 1_600, until: 2_000, workerId: 'w2', away: 'worker' },
    due: 2_000 + 1_500,
  },
  {
    what: 'the connection of the new owner was cut',
    more: { at: 1_600, until: 1_700, workerId: 'w2', away: 'way' },
    due: 1_800 + 1_500,
  },
  {
    what: 'the wake-up of another worker was lost on its way',
    more: { at: 1_450, until: 1_500, workerId: 'w3', away: 'way' },
    due: 1_600 + 1_500,
  },
  {
    what: 'the wake-up before the possible end of the lease was lost: it may have ended earlier',
    more: { at: 1_150, until: 1_200, workerId: 'w3', away: 'way' },
    due: 1_300 + 1_500,
  },
  { what: 'its new agent was killed', more: { at: 1_600, until: 1_700, sessionId: 's' }, due: 1_700 + 1_500 },
] as const)('the time limit of a takeover starts again after the end of an obstacle: $what', ({ more, due }) => {
  expect(broken([...servedAt(due), fault(more)])).toEqual([]);
  expect(broken([...servedAt(due + 1), fault(more)])).toEqual(['takeover in time']);
  expect(check([...servedAt(due), fault(more)])).toMatchObject({ takeovers: 1, strictTakeovers: 0 });
});

test('a doorbell held by a worker that is hit delays a takeover; one it held before does not', () => {
  const hit = fault({ at: 1_450, until: 1_460, workerId: 'w3', away: 'way' });
  const bell = (at: number, workerId: string): HistoryRecord => ({ kind: 'bell', at, sessionId: 's', workerId });
  // BullMQ recovers the lost doorbell after twice the TTL.
  const due = 1_460 + 100 + 2_000 + 1_500;
  const held = [bell(1_440, 'w3'), bell(1_480, '')];
  expect(broken([...servedAt(due), ...held, hit])).toEqual([]);
  expect(broken([...servedAt(due + 1), ...held, hit])).toEqual(['takeover in time']);
  expect(broken([...servedAt(due), bell(1_300, 'w3'), bell(1_310, ''), hit])).toEqual(['takeover in time']);
});

test('with too few workers for all sessions the time limit starts when there are enough again', () => {
  const few = change(servedAt(5_000), of('settings'), { slots: 1 });
  const alone = without(few, (record) => record.kind === 'worker' && record.workerId === 'w2');
  const serves: HistoryRecord = { kind: 'worker', at: 3_000, workerId: 'w2', state: 'serves' };
  // First its spares, then a sweep and the resume.
  expect(broken([...alone, serves])).toEqual([]);
  expect(broken([...alone, { ...serves, at: 2_999 }])).toEqual(['takeover in time']);
  // A worker that lost its lease, and continues under another name, serves no turns, though its death was not seen.
  const before: HistoryRecord = { kind: 'worker', at: 0, workerId: 'w0', state: 'serves' };
  expect(broken([...alone, serves, before])).toEqual(['takeover in time']);
  expect(broken([...alone, serves, before, { ...before, at: 250, state: 'over' }])).toEqual([]);
});

test('at a third of the pace a resume may take three times as long', () => {
  const pace = (at: number): HistoryRecord => ({ kind: 'pace', at, forMs: 1_000, slower: 3 });
  // A sweep after the end of the lease, at 2_260, and 500 ms of work.
  const records = [pace(1_260), pace(2_260), pace(3_260), pace(4_260)];
  expect(broken([...servedAt(2_260 + 1_500), ...records])).toEqual([]);
  expect(broken([...servedAt(2_261 + 1_500), ...records])).toEqual(['takeover in time']);
});

test('a worker without a recorded kill has died when its lease ends', () => {
  const records = without(servedAt(2_753), of('death'));
  expect(broken(change(records, isEvent(8), { at: 2_752 }))).toEqual([]);
  expect(broken(records)).toEqual(['takeover in time']);
});

test('a takeover is complete when its worker reports it, however late readers are', () => {
  const served: HistoryRecord = { kind: 'served', at: 2_700, sessionId: 's', turnId: 't2', workerId: 'w2' };
  expect(broken([...servedAt(3_000), served])).toEqual([]);
});

test('a session without a takeover is late for ever', () => {
  const dead = without(story(), (record) => record.at >= 1_500 && !of('final')(record));
  expect(broken(dead)).toContain('takeover in time');
});
