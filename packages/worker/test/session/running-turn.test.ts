import type { Message } from '@hearth/shared';
import { expect, test } from 'vitest';
import { runningTurn } from '../support/turns.js';

/** The text of a turn that was cut off after these messages and streamed pieces. */
function textOf(...said: (Message | { messageId: string; piece: string; by?: string })[]): string {
  const running = runningTurn();
  for (const one of said) {
    if ('role' in one) running.toEvent({ kind: 'message', message: one });
    else {
      const { messageId, piece: text, by: parentToolUseId } = one;
      running.toEvent({ kind: 'delta', of: 'text', messageId, text, parentToolUseId });
    }
  }
  return running.result(undefined, {
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

test('a turn that was cut off keeps complete messages and the streamed part of the last one', () => {
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
