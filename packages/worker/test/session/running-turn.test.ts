import type { HeadTurn, Message } from '@hearth/shared';
import { expect, test } from 'vitest';
import { RunningTurn } from '../../src/session/running-turn.js';

const turn = { turnId: 't', seq: 1, toolsReached: [], request: { prompt: 'x' } } as unknown as HeadTurn;

/** What a turn ends with that was cut off after so many messages and pieces. */
function textOf(...said: (Message | { messageId: string; piece: string; by?: string })[]): string {
  const hand = new RunningTurn(turn, 1, { workerId: 'w', pid: 1, warmth: 'hot' });
  for (const one of said) {
    if ('role' in one) hand.toEvent({ kind: 'message', message: one });
    else {
      const { messageId, piece: text, by: parentToolUseId } = one;
      hand.toEvent({ kind: 'delta', of: 'text', messageId, text, parentToolUseId });
    }
  }
  return hand.result(undefined, {
    error: { code: 'silence_timeout', message: 'silent' },
    durable: true,
    claudeSessionId: 'c',
  }).text;
}
const message = (messageId: string, text: string): Message => ({
  messageId,
  role: 'assistant',
  content: [{ type: 'text', text }],
});

test('a turn that was cut off ends with what was said: whole messages, and what was streamed of the last', () => {
  const streamed = [
    { messageId: 'm2', piece: 'and th' },
    { messageId: 'm2', piece: 'en' },
  ];
  expect(textOf(message('m1', 'first'), ...streamed)).toBe('first\n\nand then');
  expect(textOf(...streamed, message('m2', 'and then'))).toBe('and then');
  // A message of which only another block became complete.
  expect(textOf(...streamed, message('m2', ''))).toBe('and then');
  expect(textOf(...streamed, { messageId: 's', piece: 'a sub-agent', by: 'tool-1' })).toBe('and then');
});
