import { expect, test } from 'vitest';
import { check } from './check.js';
import type { FaultSeen, HistoryRecord, SeenEvent } from './records.js';

const inc = 'aa';

type Story = HistoryRecord[];
type Begin = { at: number; number: number; seq: number; turnId: string; worker: string; pid: number; attempt?: number };

const event = (reader: string, number: number, at: number, more: Partial<SeenEvent>): SeenEvent => ({
  kind: 'event',
  reader,
  at,
  sessionId: 's',
  id: `${inc}.${number}`,
  type: 'turn.queued',
  ...more,
});
const begin = ({ at, number, seq, turnId, worker, pid, attempt = 1 }: Begin): SeenEvent =>
  event('r1', number, at, { type: 'turn.started', seq, turnId, workerId: worker, pid, attempt });
const finish = (at: number, number: number, seq: number, turnId: string, workerId: string): SeenEvent =>
  event('r1', number, at, { type: 'turn.finished', seq, turnId, workerId, attempt: 1 });

/** Two turns; the owner of the first dies in the middle of the second, and another takes over. */
function story(): Story {
  return [
    {
      kind: 'settings',
      at: 0,
      leaseTtlMs: 1_000,
      sweepMs: 1_000,
      resumeMs: 500,
      reconnectMs: 100,
      places: 5,
      clockMs: 5,
    },
    { kind: 'worker', at: 0, workerId: 'w1', state: 'serves' },
    { kind: 'worker', at: 0, workerId: 'w2', state: 'serves' },
    { kind: 'submit', at: 100, sessionId: 's', turnId: 't1', onInterrupted: 'fail', effects: ['t1/1'] },
    { kind: 'accepted', at: 101, sessionId: 's', turnId: 't1', seq: 1 },
    { kind: 'owner', at: 102, sessionId: 's', incarnation: inc, workerId: 'w1', epoch: 1, events: 1 },
    event('r1', 1, 103, { seq: 1, turnId: 't1' }),
    begin({ at: 110, number: 2, seq: 1, turnId: 't1', worker: 'w1', pid: 11 }),
    { kind: 'effect', at: 115, text: 't1/1', pid: 11 },
    event('r1', 3, 120, { type: 'text.delta', seq: 1, says: 'w1' }),
    finish(130, 4, 1, 't1', 'w1'),
    { kind: 'ended', at: 131, sessionId: 's', turnId: 't1', seq: 1, status: 'finished', attempt: 1 },
    { kind: 'submit', at: 200, sessionId: 's', turnId: 't2', onInterrupted: 'retry', effects: ['t2/1'] },
    { kind: 'accepted', at: 201, sessionId: 's', turnId: 't2', seq: 2 },
    event('r1', 5, 202, { seq: 2, turnId: 't2' }),
    begin({ at: 210, number: 6, seq: 2, turnId: 't2', worker: 'w1', pid: 11 }),
    { kind: 'effect', at: 215, text: 't2/1', pid: 11 },
    { kind: 'lease', at: 250, workerId: 'w1', until: 1_250 },
    { kind: 'lease', at: 250, workerId: 'w2', until: 1_250 },
    { kind: 'death', at: 260, workerId: 'w1', why: 'it was killed', isOfItself: false },
    { kind: 'fault', at: 260, until: 270, what: 'SIGKILL of a worker', workerId: 'w1', did: 1 },
    { kind: 'agent_gone', at: 261, sessionId: 's', pid: 11 },
    { kind: 'lease', at: 1_252, workerId: 'w1' },
    { kind: 'lease', at: 1_252, workerId: 'w2', until: 2_252 },
    { kind: 'owner', at: 1_500, sessionId: 's', incarnation: inc, workerId: 'w2', epoch: 2, events: 6 },
    event('r1', 7, 1_600, { type: 'turn.restarted', seq: 2, turnId: 't2' }),
    begin({ at: 1_600, number: 8, seq: 2, turnId: 't2', worker: 'w2', pid: 22, attempt: 2 }),
    { kind: 'effect', at: 1_610, text: 't2/1', pid: 22 },
    finish(1_620, 9, 2, 't2', 'w2'),
    { kind: 'ended', at: 1_621, sessionId: 's', turnId: 't2', seq: 2, status: 'finished', attempt: 2 },
    { kind: 'reader_end', at: 2_000, reader: 'r1', sessionId: 's' },
    {
      kind: 'final',
      at: 2_000,
      sessionId: 's',
      incarnation: inc,
      lastEvent: 9,
      turns: [
        { turnId: 't1', seq: 1, status: 'finished' },
        { turnId: 't2', seq: 2, status: 'finished' },
      ],
    },
  ];
}

const broken = (records: Story): string[] => [...new Set(check(records).violations.map(({ rule }) => rule))];
const isEvent = (number: number) => (record: HistoryRecord) =>
  record.kind === 'event' && record.id === `${inc}.${number}`;
const change = (records: Story, which: (record: HistoryRecord) => boolean, to: object): Story =>
  records.map((record) => (which(record) ? ({ ...record, ...to } as HistoryRecord) : record));
const without = (records: Story, which: (record: HistoryRecord) => boolean): Story =>
  records.filter((record) => !which(record));
const of = (kind: HistoryRecord['kind'], at?: number) => (record: HistoryRecord) =>
  record.kind === kind && (at === undefined || record.at === at);

test('a takeover as it should be breaks nothing, and is counted with its time', () => {
  expect(check(story())).toEqual({
    violations: [],
    turns: 2,
    faults: { 'SIGKILL of a worker': 1 },
    effects: { 'SIGKILL of a worker': 1 },
    takeovers: 1,
    strictTakeovers: 1,
    takeoverMs: { p50: 1_340, p99: 1_340, max: 1_340 },
  });
});

test('a reader that was told that its stream expired is complete', () => {
  const records = without(story(), (record) => [3, 4].some((number) => isEvent(number)(record)));
  const told = event('r1', 4, 125, { type: 'stream.expired' });
  records.splice(records.findIndex(isEvent(5)), 0, told);
  expect(broken(records)).toEqual([]);
});

test('a turn of a session that its users closed may be forgotten', () => {
  const records = change(without(story(), of('final')), of('ended', 1_621), { status: 'gone' });
  expect(broken([...records, { kind: 'closed', at: 1_500, sessionId: 's' }])).toEqual([]);
});

test('a turn that is accepted and nowhere in the end is lost', () => {
  const records = change(without(story(), of('ended', 131)), of('final'), { turns: [] });
  expect(broken(records)).toEqual(['nothing accepted is lost', 'every caller is told']);
});

test('a turn that still waits in the end is lost', () => {
  const turns = [
    { turnId: 't1', seq: 1, status: 'queued' },
    { turnId: 't2', seq: 2, status: 'finished' },
  ];
  expect(broken(change(without(story(), of('ended', 131)), of('final'), { turns }))).toContain(
    'nothing accepted is lost',
  );
});

test('a turn that ends twice in its stream was committed twice', () => {
  const records = change(story(), isEvent(9), { turnId: 't1', seq: 1 });
  expect(broken(records)).toContain('one commit per turn');
});

test('a result that is another to its caller than to readers was committed twice', () => {
  expect(broken(change(story(), of('ended', 131), { status: 'failed', code: 'interrupted' }))).toEqual([
    'one commit per turn',
  ]);
});

test.each([
  { what: 'a later turn before an earlier one', number: 2, to: { seq: 2, turnId: 't2' } },
  {
    what: 'a turn while another runs',
    number: 3,
    to: { type: 'turn.started', seq: 2, turnId: 't2', attempt: 1, workerId: 'w1', pid: 11 },
  },
  { what: 'the same attempt again', number: 8, to: { attempt: 1 } },
  { what: 'words of a turn that does not run', number: 3, to: { seq: 2 } },
])('out of order: $what', ({ number, to }) => {
  expect(broken(change(story(), isEvent(number), to))).toContain('per-session order');
});

test('an agent that acts after another has begun makes two', () => {
  const late: HistoryRecord = { kind: 'effect', at: 1_700, text: 't2/1', pid: 11 };
  expect(broken([...story(), late])).toEqual(['no two agents for a session', "no effect after its owner's lease"]);
});

test('an effect after the lease of its owner, though nobody had taken over', () => {
  expect(broken(change(story(), of('effect', 215), { at: 1_300 }))).toEqual(["no effect after its owner's lease"]);
});

test('an effect of a pid that began no turn', () => {
  expect(broken(change(story(), of('effect', 115), { pid: 99 }))).toEqual(['no effect without a begin']);
});

test('an effect twice, where that was not allowed', () => {
  expect(broken([...story(), { kind: 'effect', at: 116, text: 't1/1', pid: 11 }])).toEqual(['no effect twice']);
});

test('a finished turn without its effect', () => {
  expect(broken(without(story(), of('effect', 115)))).toEqual(['a finished turn had its effects']);
});

test('words of a former owner in the turn of another', () => {
  expect(broken(change(story(), isEvent(3), { says: 'w2' }))).toEqual(['no write under an old fence']);
});

test('an ending by somebody who had not begun the turn', () => {
  expect(broken(change(story(), isEvent(9), { workerId: 'w1' }))).toEqual(['no write under an old fence']);
});

test('a begin by a worker whose session had been claimed by another before', () => {
  const records = change(story(), of('owner', 1_500), { events: 5 });
  expect(broken(records)).toEqual(['no write under an old fence']);
});

test('a gap in what a reader got', () => {
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

test('two readers that disagree', () => {
  expect(broken([...story(), event('r2', 3, 120, { type: 'status', seq: 1 })])).toContain(
    "every reader's view is complete",
  );
});

test('a session that changes its worker for no reason is not at home', () => {
  const records = without(
    story(),
    (record) => of('death')(record) || of('lease', 1_252)(record) || of('agent_gone')(record),
  );
  const moved = change(change(records, isEvent(8), { attempt: 1, seq: 3, turnId: 't3' }), isEvent(9), {
    seq: 3,
    turnId: 't3',
  });
  expect(broken(moved)).toContain('affinity');
});

test('a session that changes its agent for no reason is not at home', () => {
  const records = without(story(), of('agent_gone'));
  expect(broken(change(change(records, isEvent(6), { pid: 12 }), of('effect', 215), { pid: 12 }))).toEqual([
    'affinity',
  ]);
  const released: HistoryRecord = { kind: 'released', at: 150, sessionId: 's', workerId: 'w1' };
  expect(
    broken([...change(change(records, isEvent(6), { pid: 12 }), of('effect', 215), { pid: 12 }), released]),
  ).toEqual([]);
});

/** The next turn of the dead owner's session begins then; it was due at 2_760. */
const servedAt = (at: number): Story =>
  change(change(story(), isEvent(8), { at }), isEvent(9), { at: at + 5 }).map((record) =>
    of('effect', 1_610)(record) ? { ...record, at: at + 1 } : record,
  );
const fault = (more: Partial<FaultSeen>): FaultSeen => ({
  kind: 'fault',
  at: 1_000,
  until: 1_500,
  what: 'something',
  did: 1,
  ...more,
});

test('a takeover that takes longer than lease, sweep and resume is late', () => {
  expect(broken(servedAt(2_759))).toEqual([]);
  expect(broken(servedAt(2_761))).toEqual(['takeover in time']);
});

test.each([
  { what: 'the death of its owner, however long', more: { workerId: 'w1', until: 9_000, away: 'worker' } },
  { what: 'of the way of the producers', more: { until: 9_000 } },
  { what: 'of a worker that never had the session', more: { workerId: 'w3', until: 9_000, away: 'worker' } },
  { what: 'of the new owner, before it had the session', more: { workerId: 'w2', until: 1_400, away: 'worker' } },
  { what: 'of another session', more: { sessionId: 'other', until: 9_000 } },
  { what: 'of Redis, long over', more: { at: 150, until: 159, away: 'redis' } },
  { what: 'of Redis, when it was late already', more: { at: 2_770, until: 9_000, away: 'redis' } },
] as const)('a fault beside it excuses no late takeover: $what', ({ more }) => {
  const third: HistoryRecord = { kind: 'worker', at: 0, workerId: 'w3', state: 'serves' };
  expect(broken([...servedAt(2_800), third, fault(more)])).toEqual(['takeover in time']);
});

test.each([
  { what: 'Redis was away', more: { away: 'redis' }, due: 1_500 + 100 + 1_000 + 1_500 },
  {
    what: 'the new owner froze',
    more: { at: 1_600, until: 2_000, workerId: 'w2', away: 'worker' },
    due: 2_000 + 1_500,
  },
  {
    what: 'the way of the new owner was cut',
    more: { at: 1_600, until: 1_700, workerId: 'w2', away: 'way' },
    due: 1_800 + 1_500,
  },
  { what: 'its new agent was killed', more: { at: 1_600, until: 1_700, sessionId: 's' }, due: 1_700 + 1_500 },
] as const)('the clock of a takeover begins anew from what it needed: $what', ({ more, due }) => {
  expect(broken([...servedAt(due), fault(more)])).toEqual([]);
  expect(broken([...servedAt(due + 1), fault(more)])).toEqual(['takeover in time']);
  expect(check([...servedAt(due), fault(more)])).toMatchObject({ takeovers: 1, strictTakeovers: 0 });
});

test('a doorbell in the hands of a worker that is hit holds a takeover up; one it had before does not', () => {
  const hit = fault({ at: 1_450, until: 1_460, workerId: 'w3', away: 'way' });
  const bell = (at: number, workerId: string): HistoryRecord => ({ kind: 'bell', at, sessionId: 's', workerId });
  // Lost on its way, it is BullMQ's to find: twice the TTL.
  const due = 1_460 + 100 + 2_000 + 1_500;
  const held = [bell(1_440, 'w3'), bell(1_480, '')];
  expect(broken([...servedAt(due), ...held, hit])).toEqual([]);
  expect(broken([...servedAt(due + 1), ...held, hit])).toEqual(['takeover in time']);
  expect(broken([...servedAt(due), bell(1_300, 'w3'), bell(1_310, ''), hit])).toEqual(['takeover in time']);
});

test('where too few are left to hold all sessions, the clock begins when there are enough again', () => {
  const few = change(servedAt(4_500), of('settings'), { places: 1 });
  const alone = without(few, (record) => record.kind === 'worker' && record.workerId === 'w2');
  const serves: HistoryRecord = { kind: 'worker', at: 3_000, workerId: 'w2', state: 'serves' };
  expect(broken([...alone, serves])).toEqual([]);
  expect(broken([...alone, { ...serves, at: 2_999 }])).toEqual(['takeover in time']);
});

test('on a machine that gives it a third of its time, it may take three times as long', () => {
  const pace = (at: number): HistoryRecord => ({ kind: 'pace', at, forMs: 1_000, slower: 3 });
  // From 1_260 on there are 1_500 ms of work: 40 of them in the 120 before 1_380, a third of 1_000 in the next second.
  const records = [pace(1_380), pace(2_380)];
  const due = Math.floor(2_380 + 1_500 - 40 - 1_000 / 3);
  expect(broken([...servedAt(due), ...records])).toEqual([]);
  expect(broken([...servedAt(due + 1), ...records])).toEqual(['takeover in time']);
});

test('a worker that nobody killed has died when its lease is over', () => {
  const records = without(servedAt(2_753), of('death'));
  expect(broken(change(records, isEvent(8), { at: 2_752 }))).toEqual([]);
  expect(broken(records)).toEqual(['takeover in time']);
});

test('a takeover is served when its worker says so, however late readers are', () => {
  const served: HistoryRecord = { kind: 'served', at: 2_700, sessionId: 's', workerId: 'w2' };
  expect(broken([...servedAt(3_000), served])).toEqual([]);
});

test('a session nobody takes over is late for ever', () => {
  const dead = without(story(), (record) => record.at >= 1_500 && !of('final')(record));
  expect(broken(dead)).toContain('takeover in time');
});

test('a kind of fault that never had an effect tested nothing', () => {
  expect(broken([...story(), fault({ did: 0 })])).toEqual(['faults have effects']);
  expect(broken([...story(), fault({ did: 0 }), fault({ did: 1 })])).toEqual([]);
});
