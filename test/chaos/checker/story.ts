import { check } from './check.js';
import type { FaultSeen, HistoryRecord, SeenEvent } from './records.js';

export const inc = 'aa';

export type Story = HistoryRecord[];
type Begin = { at: number; number: number; seq: number; turnId: string; worker: string; pid: number; attempt?: number };

export const event = (reader: string, number: number, at: number, more: Partial<SeenEvent>): SeenEvent => ({
  kind: 'event',
  reader,
  at,
  sessionId: 's',
  id: `${inc}.${number}`,
  type: 'turn.queued',
  ...more,
});
export const begin = ({ at, number, seq, turnId, worker, pid, attempt = 1 }: Begin): SeenEvent =>
  event('r1', number, at, { type: 'turn.started', seq, turnId, workerId: worker, pid, attempt });
export const finish = (at: number, number: number, seq: number, turnId: string, workerId: string): SeenEvent =>
  event('r1', number, at, { type: 'turn.finished', seq, turnId, workerId, attempt: 1 });

export const owner = (seen: { at: number; workerId: string; epoch: number; events: number }): HistoryRecord => ({
  kind: 'owner',
  sessionId: 's',
  incarnation: inc,
  ...seen,
});

/** Two turns. The owner of the first dies in the middle of the second, and another worker takes over. */
export function story(): Story {
  return [
    {
      kind: 'settings',
      seed: 1,
      at: 0,
      leaseTtlMs: 1_000,
      sweepMs: 1_000,
      lookAfterMs: 100,
      resumeMs: 500,
      reconnectMs: 100,
      slots: 5,
      eventsKept: 100,
      eventsTtlMs: 60_000,
      clockMs: 5,
    },
    { kind: 'worker', at: 0, workerId: 'w1', state: 'serves' },
    { kind: 'worker', at: 0, workerId: 'w2', state: 'serves' },
    {
      kind: 'submit',
      at: 100,
      sessionId: 's',
      turnId: 't1',
      onInterrupted: 'fail',
      effects: ['t1/1'],
      hangs: false,
      crashes: false,
    },
    { kind: 'accepted', at: 101, sessionId: 's', turnId: 't1', seq: 1 },
    owner({ at: 102, workerId: 'w1', epoch: 1, events: 1 }),
    event('r1', 1, 103, { seq: 1, turnId: 't1' }),
    begin({ at: 110, number: 2, seq: 1, turnId: 't1', worker: 'w1', pid: 11 }),
    { kind: 'effect', at: 115, text: 't1/1', pid: 11 },
    event('r1', 3, 120, { type: 'text.delta', seq: 1, says: 'w1' }),
    finish(130, 4, 1, 't1', 'w1'),
    { kind: 'ended', at: 131, sessionId: 's', turnId: 't1', seq: 1, status: 'finished', attempt: 1 },
    {
      kind: 'submit',
      at: 200,
      sessionId: 's',
      turnId: 't2',
      onInterrupted: 'retry',
      effects: ['t2/1'],
      hangs: false,
      crashes: false,
    },
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
    owner({ at: 1_500, workerId: 'w2', epoch: 2, events: 6 }),
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

export const broken = (records: Story): string[] => [...new Set(check(records).violations.map(({ rule }) => rule))];
export const isEvent = (number: number) => (record: HistoryRecord) =>
  record.kind === 'event' && record.id === `${inc}.${number}`;
export const change = (records: Story, which: (record: HistoryRecord) => boolean, to: object): Story =>
  records.map((record) => (which(record) ? ({ ...record, ...to } as HistoryRecord) : record));
export const without = (records: Story, which: (record: HistoryRecord) => boolean): Story =>
  records.filter((record) => !which(record));
export const of = (kind: HistoryRecord['kind'], at?: number) => (record: HistoryRecord) =>
  record.kind === kind && (at === undefined || record.at === at);

export const closed = (at: number, until = at): HistoryRecord => ({ kind: 'closed', at, until, sessionId: 's' });

export const fault = (more: Partial<FaultSeen>): FaultSeen => ({
  kind: 'fault',
  at: 1_000,
  until: 1_500,
  what: 'something',
  did: 1,
  ...more,
});
