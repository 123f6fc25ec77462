import { expect, test } from 'vitest';
import type { HistoryRecord, SeenEvent } from './records.js';
import { broken, change, event, isEvent, of, owner, type Story, story, without } from './story.js';

test('an agent with an effect after another agent began makes two', () => {
  const late: HistoryRecord = { kind: 'effect', at: 1_700, text: 't2/1', pid: 11 };
  expect(broken([...story(), late])).toEqual(['no two agents for a session', "no effect after its owner's lease"]);
});

test('another agent has begun when its worker reports it, however late readers are', () => {
  const late: HistoryRecord = { kind: 'effect', at: 1_190, text: 't2/1', pid: 11 };
  const served = (pid: number): HistoryRecord => ({
    kind: 'served',
    at: 1_180,
    sessionId: 's',
    turnId: 't2',
    workerId: 'w2',
    pid,
  });
  expect(broken([...story(), late, served(22)])).toEqual(['no two agents for a session']);
  expect(broken([...story(), late, served(21)])).toEqual([]);
});

test('an effect after the lease of its owner, though no worker had taken over', () => {
  expect(broken(change(story(), of('effect', 215), { at: 1_300 }))).toEqual(["no effect after its owner's lease"]);
});

test('an effect of a pid that began no turn', () => {
  expect(broken(change(story(), of('effect', 115), { pid: 99 }))).toEqual(['no effect without a begin']);
});

test('an effect twice without a retry policy', () => {
  expect(broken([...story(), { kind: 'effect', at: 116, text: 't1/1', pid: 11 }])).toEqual(['no effect twice']);
});

test('a finished turn without its effect', () => {
  expect(broken(without(story(), of('effect', 115)))).toEqual(['a finished turn had its effects']);
});

test('output of a former owner in a turn of another', () => {
  expect(broken(change(story(), isEvent(3), { says: 'w2' }))).toEqual(['no write under an old fence']);
});

test('an ending by a worker that had not begun the turn', () => {
  expect(broken(change(story(), isEvent(9), { workerId: 'w1' }))).toEqual(['no write under an old fence']);
});

/** An event of a former owner after another worker claimed its session (after six events), and before the new owner's begin. */
const zombie = (to: Partial<SeenEvent>): Story => change(story(), isEvent(7), { seq: 2, turnId: 't2', ...to });

test.each([
  { what: 'output', records: zombie({ type: 'message', says: 'w1' }) },
  { what: 'an ending', records: zombie({ type: 'turn.finished', workerId: 'w1', attempt: 1 }) },
  {
    what: 'a begin, though it claims the session again later',
    records: [
      ...zombie({ type: 'turn.started', workerId: 'w1', pid: 12, attempt: 2 }),
      owner({ at: 1_900, workerId: 'w1', epoch: 3, events: 9 }),
    ],
  },
  {
    what: 'a begin by a worker that never claimed it',
    records: zombie({ type: 'turn.started', workerId: 'w3', pid: 33, attempt: 2 }),
  },
  {
    what: 'output, after it released the session',
    records: [
      ...story(),
      owner({ at: 1_650, workerId: '', epoch: 2, events: 9 }),
      event('r1', 10, 1_660, { says: 'w2' }),
    ],
  },
])('a write after another had claimed the session: $what', ({ records }) => {
  expect(broken(records)).toContain('no write under an old fence');
});

test('a claim that is seen late, or not at all, counts', () => {
  const seenLate = change(story(), of('owner', 1_500), { events: 8 });
  expect(broken(seenLate)).toEqual([]);
  const unseen = change(story(), of('owner', 1_500), { at: 1_700, workerId: 'w3', epoch: 3, events: 9 });
  expect(broken(unseen)).toEqual([]);
  const released = change(story(), of('owner', 1_500), { at: 1_700, workerId: '', epoch: 2, events: 9 });
  expect(broken(released)).toEqual([]);
});

test('a begin by a worker after another one claimed its session', () => {
  const records = change(story(), of('owner', 1_500), { events: 5 });
  expect(broken(records)).toEqual(['no write under an old fence']);
});

test('a session that changes its worker for no reason breaks affinity', () => {
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

test('a session that changes its agent for no reason breaks affinity', () => {
  const records = without(story(), of('agent_gone'));
  expect(broken(change(change(records, isEvent(6), { pid: 12 }), of('effect', 215), { pid: 12 }))).toEqual([
    'affinity',
  ]);
  const released: HistoryRecord = { kind: 'released', at: 150, sessionId: 's', workerId: 'w1' };
  expect(
    broken([...change(change(records, isEvent(6), { pid: 12 }), of('effect', 215), { pid: 12 }), released]),
  ).toEqual([]);
});

test('the end of the previous agent is a reason to change, but only if it came first', () => {
  const moved = change(change(without(story(), of('agent_gone')), isEvent(6), { pid: 12 }), of('effect', 215), {
    pid: 12,
  });
  const gone = (at: number): HistoryRecord => ({ kind: 'agent_gone', at, sessionId: 's', pid: 11 });
  expect(broken([...moved, gone(140)])).toEqual([]);
  // Long before the previous turn was served, or after the turn at the other agent.
  expect(broken([...moved, gone(50)])).toEqual(['affinity']);
  expect(broken([...moved, gone(900)])).toEqual(['affinity']);
  // Its worker reports the begin before readers see it and the caller learns that the turn was accepted.
  const served: HistoryRecord = { kind: 'served', at: 60, sessionId: 's', turnId: 't1', workerId: 'w1' };
  expect(broken([...moved, gone(80), served])).toEqual([]);
  expect(broken([...moved, gone(50), served])).toEqual(['affinity']);
});
