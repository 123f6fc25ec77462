import type { HearthEvent, TurnRecord, TurnResult } from '@hearth/shared';
import { describe, expect, it } from 'vitest';
import { type Conversation, emptyConversation, withEvent, withRecords } from '../../src/session/conversation.js';

const result: TurnResult = {
  status: 'finished',
  sessionId: 's',
  turnId: 't1',
  seq: 1,
  text: 'Done.',
  attempt: 1,
  costUsd: 0,
  tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
  workerId: 'w',
  durable: true,
  toolCount: 0,
  timings: { queuedMs: 0, toolsMs: 0, askedMs: 0, totalMs: 1 },
};
const record: TurnRecord = {
  sessionId: 's',
  turnId: 't1',
  seq: 1,
  submittedAt: 0,
  state: 'running',
  request: { prompt: 'Do it', onInterrupted: 'fail' },
  attempts: 1,
  toolsReached: [],
};
const tool = { type: 'tool_use', id: 'u1', name: 'Bash', input: { command: 'ls' } };

const after = (...events: (HearthEvent | { type: 'stream.expired'; id: string })[]): Conversation =>
  events.reduce<Conversation>(withEvent, emptyConversation);
const parts = (conversation: Conversation) => conversation.turns[0]?.parts;

describe('the conversation of a session', () => {
  it('joins pieces of text, and replaces them by the completed message', () => {
    const pieces: HearthEvent[] = [
      { type: 'thinking.delta', seq: 1, messageId: 'm', text: 'hm' },
      { type: 'text.delta', seq: 1, messageId: 'm', text: 'Do' },
      { type: 'text.delta', seq: 1, messageId: 'm', text: 'ne' },
    ];
    const previews = after(...pieces);
    expect(parts(previews)).toMatchObject([
      { kind: 'thinking', text: 'hm' },
      { kind: 'text', text: 'Done', isRecord: false },
    ]);
    const complete = withEvent(previews, {
      type: 'message',
      seq: 1,
      messageId: 'm',
      role: 'assistant',
      content: [{ type: 'text', text: 'Done.' }],
    });
    expect(parts(complete)).toMatchObject([{ kind: 'text', text: 'Done.', isRecord: true }]);
  });

  it('displays a tool once, whether it starts before its message is complete or after', () => {
    const said: HearthEvent = { type: 'message', seq: 1, messageId: 'm', role: 'assistant', content: [tool] };
    const started: HearthEvent = {
      type: 'tool.started',
      seq: 1,
      toolUseId: 'u1',
      name: 'Bash',
      input: '{"command":"ls"}',
    };
    const ended: HearthEvent = {
      type: 'tool.ended',
      seq: 1,
      toolUseId: 'u1',
      name: 'Bash',
      ok: true,
      summary: 'README.md',
      durationMs: 3,
    };
    const shown = [{ kind: 'tool', name: 'Bash', state: 'ok', summary: 'README.md', wholeInput: { command: 'ls' } }];
    expect(parts(after(said, started, ended))).toMatchObject(shown);
    expect(parts(after(started, said, ended))).toMatchObject(shown);
    expect(parts(after(said))).toMatchObject([{ kind: 'tool', state: 'wanted' }]);
  });

  it('drops the output of a lost attempt', () => {
    const shown = after(
      { type: 'text.delta', seq: 1, messageId: 'm', text: 'half' },
      { type: 'turn.restarted', seq: 1, turnId: 't1', reason: 'lost' },
    );
    expect(parts(shown)).toEqual([{ kind: 'note', tone: 'warn', text: 'Restarted: lost.' }]);
  });

  it('keeps a permission request until it is resolved or its turn ends', () => {
    const request = { seq: 1, toolUseId: 'u1', name: 'Bash', input: {}, suggestions: [], expiresAt: 0 };
    const asked = after(
      { type: 'permission.requested', ...request, requestId: 'r1' },
      { type: 'permission.requested', ...request, requestId: 'r2' },
      { type: 'permission.requested', ...request, requestId: 'r2' },
    );
    expect(asked.requests.map(({ requestId }) => requestId)).toEqual(['r1', 'r2']);
    const answered = withEvent(asked, {
      type: 'permission.resolved',
      seq: 1,
      requestId: 'r1',
      name: 'Bash',
      decision: 'allow',
      by: 'answer',
    });
    expect(answered.requests.map(({ requestId }) => requestId)).toEqual(['r2']);
    expect(withEvent(answered, { type: 'turn.finished', seq: 1, turnId: 't1', result }).requests).toEqual([]);
  });

  it('ignores events of a turn whose ending is known from the record', () => {
    const read = withRecords(emptyConversation, [{ ...record, state: 'finished', result }]);
    expect(withEvent(read, { type: 'text.delta', seq: 1, messageId: 'm', text: 'again' })).toBe(read);
  });

  it('takes the prompt of a running turn from the record, and its output from events', () => {
    const running = after({ type: 'text.delta', seq: 1, messageId: 'm', text: 'half' });
    const [turn] = withRecords(running, [record]).turns;
    expect(turn).toMatchObject({ prompt: 'Do it', parts: [{ text: 'half' }] });
  });

  it('reports that part of the stream is gone, and starts anew when the session is reopened', () => {
    expect(after({ type: 'stream.expired', id: 'a.9' }).hasExpired).toBe(true);
    const closed = after({ type: 'turn.finished', seq: 1, turnId: 't1', result }, { type: 'session.closed' });
    expect(closed).toMatchObject({ isClosed: true, turns: [{ seq: 1 }] });
    // The missing stream of a closed session is no news.
    expect(withEvent(closed, { type: 'stream.expired', id: 'b.0' })).toBe(closed);
    const anew = withEvent(closed, { type: 'turn.queued', seq: 1, turnId: 't9', position: 0 });
    expect(anew).toMatchObject({ isClosed: false, turns: [{ seq: 1, turnId: 't9', state: 'queued' }] });
  });
});
