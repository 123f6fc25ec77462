import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorCodes, eventSchema, formatCursor, type HearthEvent, parseCursor } from '../../src/index.js';
import { parsePublished } from '../../src/internal.js';
import { finishedResult } from '../support/samples.js';

const seq = fc.nat();
const text = fc.string({ unit: 'binary' });
const turnId = fc.string({ minLength: 1 });
const error = fc.record({ code: fc.constantFrom(...errorCodes), message: text });
const result = fc
  .record({ seq, text })
  .map((parts) => finishedResult({ sessionId: 's', turnId: 't', seq: parts.seq }, parts.text));
const of = <T extends HearthEvent['type']>(type: T): { type: fc.Arbitrary<T>; seq: typeof seq } => ({
  type: fc.constant(type),
  seq,
});

const notice = { code: fc.constantFrom('request_declined', 'limit_near', 'hook_failed'), message: text };

/** One arbitrary for each type of event. */
const arbitraries: { [T in HearthEvent['type']]: fc.Arbitrary<unknown> } = {
  'turn.queued': fc.record({ ...of('turn.queued'), turnId, position: seq }),
  'turn.started': fc.record(
    { ...of('turn.started'), turnId, attempt: seq, workerId: text, pid: seq, warmth: fc.constantFrom('hot', 'cold') },
    { requiredKeys: ['type', 'seq', 'turnId', 'attempt', 'workerId'] },
  ),
  'turn.restarted': fc.record({ ...of('turn.restarted'), turnId, reason: text }),
  'text.delta': fc.record(
    { ...of('text.delta'), messageId: text, text, parentToolUseId: text },
    { requiredKeys: ['type', 'seq', 'messageId', 'text'] },
  ),
  'thinking.delta': fc.record({ ...of('thinking.delta'), messageId: text, text }),
  message: fc.record({
    ...of('message'),
    messageId: text,
    role: fc.constant('assistant'),
    content: fc.array(fc.record({ type: text, whatever: fc.jsonValue().map(plain) })),
  }),
  'tool.started': fc.record({ ...of('tool.started'), toolUseId: text, name: text, input: text }),
  'tool.ended': fc.record({
    ...of('tool.ended'),
    toolUseId: text,
    name: text,
    ok: fc.boolean(),
    summary: text,
    durationMs: seq,
  }),
  'permission.requested': fc.record({
    ...of('permission.requested'),
    requestId: text,
    toolUseId: text,
    name: text,
    input: fc.jsonValue().map(plain),
    suggestions: fc.array(fc.jsonValue().map(plain)),
    expiresAt: seq,
  }),
  'permission.resolved': fc.record({
    ...of('permission.resolved'),
    requestId: text,
    name: text,
    decision: fc.constantFrom('allow', 'deny', 'withdrawn'),
    by: fc.constantFrom('answer', 'deadline', 'unwatched', 'agent'),
  }),
  'turn.interrupting': fc.record({ ...of('turn.interrupting'), turnId }),
  'session.warmed': fc.record({
    type: fc.constant('session.warmed'),
    workerId: text,
    pid: seq,
    warmth: fc.constantFrom('hot', 'spare', 'resumed', 'cold'),
  }),
  'session.warm_failed': fc.record({ type: fc.constant('session.warm_failed'), error }),
  retry: fc.record({ ...of('retry'), attempt: seq, delayMs: seq, reason: text }),
  status: fc.record({ ...of('status'), status: text }),
  notice: fc.record({ ...of('notice'), ...notice }),
  'turn.finished': fc.record({ ...of('turn.finished'), turnId, result }),
  'turn.failed': fc.record({ ...of('turn.failed'), turnId, error, result }),
  'session.notice': fc.record({ type: fc.constant('session.notice'), ...notice }),
  'session.closed': fc.record({ type: fc.constant('session.closed') }),
};
const event = fc.oneof(...Object.values(arbitraries)).map((drawn) => plain(drawn) as HearthEvent);

/** Makes a value as JSON parses it: without prototypes and negative zeros. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}

describe('an event', () => {
  it('is equal after JSON and its schema', () => {
    fc.assert(
      fc.property(event, (one) => {
        expect(eventSchema.parse(JSON.parse(JSON.stringify(one)))).toEqual(one);
      }),
    );
  });

  it('is equal after a channel message with several events, and has its id', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1 }), (events, first) => {
        const message = `0123abcd ${first} [${events.map((one) => JSON.stringify(one)).join(',')}]`;
        expect(parsePublished(message)).toEqual({
          incarnation: '0123abcd',
          events: events.map((one, at) => ({ id: first + at, event: one })),
        });
      }),
    );
  });

  it('is rejected when its type is unknown', () =>
    expect(eventSchema.safeParse({ type: 'turn.lost', seq: 1 }).success).toBe(false));
});

it('a cursor is written as incarnation and id, and read back', () => {
  expect(formatCursor({ incarnation: '0123abcd', id: 7 })).toBe('0123abcd.7');
  expect(parseCursor('0123abcd.7')).toEqual({ incarnation: '0123abcd', id: 7 });
  // The cursor of a session that does not exist.
  expect(parseCursor(formatCursor({ incarnation: '', id: 0 }))).toEqual({ incarnation: '', id: 0 });
  for (const text of ['', '7', 'x.1', 'ab.', 'ab.-1'])
    expect(() => parseCursor(text)).toThrow(/is not the id of an event/);
});
