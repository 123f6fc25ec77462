import { expect, test } from 'vitest';
import type { HistoryRecord } from './records.js';
import { broken, change, closed, fault, inc, isEvent, of, type Story, story, without } from './story.js';

/** A tool passed the gate during the first turn. */
const reached = (records: Story): Story => change(records, isEvent(3), { type: 'tool.started' });

test('a turn of a session that its users closed may be forgotten; a turn accepted after that may not', () => {
  const records = change(without(story(), of('final')), of('ended', 1_621), { status: 'gone' });
  expect(broken([...records, closed(1_500)])).toEqual([]);
  expect(broken([...records, closed(150, 195)])).toEqual(['nothing accepted is lost']);
});

test('a session that was replaced without a close has lost its turns', () => {
  const other: HistoryRecord = {
    kind: 'owner',
    at: 1_900,
    sessionId: 's',
    incarnation: 'bb',
    workerId: 'w2',
    epoch: 1,
    events: 0,
  };
  expect(broken([...story(), other])).toEqual(['nothing accepted is lost']);
  expect(broken([...story(), other, closed(1_800)])).toEqual([]);
});

test('an accepted turn that is missing at the end is lost', () => {
  const records = change(without(story(), of('ended', 131)), of('final'), { turns: [] });
  expect(broken(records)).toEqual(['nothing accepted is lost', 'every caller is told']);
});

test('a turn that is kept, or was not closed, is not gone, and a result that its caller knows must not vanish', () => {
  const told = change(story(), of('ended', 131), { status: 'gone', code: 'turn_gone' });
  expect(broken(told)).toEqual(['nothing accepted is lost']);
  // Its session was closed, before or after the caller was told; or Redis forgot it, or only its later events.
  expect(broken([...told, closed(120)])).toEqual([]);
  expect(broken([...told, closed(140)])).toEqual(['nothing accepted is lost']);
  const rolledBack = (at: number): HistoryRecord => ({
    kind: 'rolled_back',
    at,
    until: 125,
    kept: { s: { incarnation: inc, events: 3 } },
  });
  expect(broken([...told, rolledBack(100)])).toEqual([]);
  expect(broken([...told, rolledBack(110)])).toEqual(['nothing accepted is lost']);

  const turns = [{ turnId: 't2', seq: 2, status: 'finished' }];
  expect(broken(change(story(), of('final'), { turns }))).toEqual(['nothing accepted is lost']);
  expect(broken([...change(story(), of('final'), { turns }), closed(140)])).toEqual([]);
});

test('a turn that still waits at the end is lost', () => {
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

test('a result that differs between its caller and the readers was committed twice', () => {
  expect(broken(change(reached(story()), of('ended', 131), { status: 'failed', code: 'interrupted' }))).toEqual([
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
  { what: 'it runs again without an announcement', number: 7, to: { type: 'status' } },
  { what: 'output of a turn that does not run', number: 3, to: { seq: 2 } },
])('out of order: $what', ({ number, to }) => {
  expect(broken(change(story(), isEvent(number), to))).toContain('per-session order');
});

test('a process that is left at the end', () => {
  expect(broken([...story(), { kind: 'left', at: 3_000, what: 'a process: 99 sleep 60' }])).toEqual([
    'no process left',
  ]);
});

test('a kind of fault that never had an effect tests nothing', () => {
  expect(broken([...story(), fault({ did: 0 })])).toEqual(['faults have effects']);
  expect(broken([...story(), fault({ did: 0 }), fault({ did: 1 })])).toEqual([]);
});

test('a turn whose agent became silent does not finish, nor does the first attempt of one whose agent died', () => {
  expect(broken(change(story(), of('submit', 100), { hangs: true }))).toEqual(['a turn ends as its agent was']);
  expect(broken(change(story(), of('submit', 100), { crashes: true }))).toEqual(['a turn ends as its agent was']);
  expect(broken(change(story(), of('submit', 200), { crashes: true }))).toEqual([]);
});

const failed = (code: string, attempt = 1): Story =>
  change(change(story(), of('ended', 131), { status: 'failed', code, attempt }), isEvent(4), {
    type: 'turn.failed',
  }).map((record) =>
    record.kind === 'final'
      ? { ...record, turns: record.turns.map((turn) => (turn.seq === 1 ? { ...turn, status: 'failed' } : turn)) }
      : record,
  );
const submitted = (records: Story, more: object): Story => change(records, of('submit', 100), more);

test.each([
  { what: 'agents do not start', records: failed('agent_start_failed') },
  { what: 'an agent crashed once', records: failed('agent_crashed', 2) },
  { what: 'a time limit was exceeded, though its agent produced output', records: failed('silence_timeout') },
  {
    what: 'it was interrupted, though it may be repeated',
    records: submitted(reached(failed('interrupted')), { onInterrupted: 'retry' }),
  },
  {
    what: 'it was interrupted, and has no effects',
    records: submitted(reached(failed('interrupted')), { effects: [] }),
  },
  { what: 'it was interrupted before its first effect', records: failed('interrupted') },
  { what: 'it was cancelled without a request', records: failed('cancelled') },
])('a turn that fails for no reason: $what', ({ records }) => {
  expect(broken(records)).toContain('a turn fails for a reason');
});

test.each([
  { records: failed('agent_crashed', 3) },
  { records: submitted(failed('silence_timeout'), { hangs: true }) },
  { records: reached(failed('interrupted')) },
  { records: [...failed('interrupted'), { kind: 'wished' as const, at: 120, sessionId: 's' }] },
  { records: without(failed('interrupted'), isEvent(3)) },
  { records: [...failed('cancelled'), { kind: 'wished' as const, at: 120, sessionId: 's' }] },
])('a turn that fails for a reason', ({ records }) => {
  expect(broken(records)).not.toContain('a turn fails for a reason');
});

const posted = (at: number, dueAt: number): HistoryRecord => ({
  kind: 'posted',
  at,
  sessionId: 's',
  turnId: 't2',
  dueAt,
});

test('a job that brings its own turn is not queued before it is due, and its sender learns how it ended', () => {
  expect(broken([...story(), posted(150, 205)])).toEqual([]);
  expect(broken([...story(), posted(150, 210)])).toEqual(['nothing before it is due']);
  const ahead = { at: 190, until: 220, workerId: 'w2' };
  expect(broken([...story(), posted(150, 300), fault({ ...ahead, aheadMs: 93 })])).toEqual([]);
  expect(broken([...story(), posted(150, 300), fault({ ...ahead, aheadMs: 92 })])).toEqual([
    'nothing before it is due',
  ]);
  // The job was moved to the waiting ones before the clock was right again, at 195: a worker may take it later.
  const before = { at: 190, until: 195, workerId: 'w3' };
  expect(broken([...story(), posted(150, 300), fault({ ...before, aheadMs: 100 })])).toEqual([]);
  expect(broken([...story(), posted(150, 300), fault({ ...before, aheadMs: 99 })])).toEqual([
    'nothing before it is due',
  ]);
  // It cannot have been moved before it existed.
  expect(broken([...story(), posted(201, 300), fault({ at: 100, until: 194, aheadMs: 9_999 })])).toEqual([
    'nothing before it is due',
  ]);
  const lost = without(story(), (record) => record.kind !== 'settings' && record.at >= 200);
  expect(broken([...lost, posted(150, 205)])).toContain('every caller is told');
});

test('the shells of a worker that was killed with its watchdog run until a worker gets its home, and no longer', () => {
  const late: HistoryRecord = { kind: 'effect', at: 1_700, text: 't2/1', pid: 11 };
  const hit = { workerId: 'w1', at: 260, isUnguarded: true };
  expect(broken([...story(), late, fault({ ...hit, until: 1_750 })])).toEqual([]);
  expect(broken([...story(), late, fault({ ...hit, until: 1_650 })])).toEqual([
    'no two agents for a session',
    "no effect after its owner's lease",
  ]);
  expect(broken([...story(), late, fault({ ...hit, until: 1_750, workerId: 'w2' })])).toHaveLength(2);
});
