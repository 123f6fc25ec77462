import { expect, test } from 'vitest';
import { conversationOf } from '../../../src/agent/claude/conversation.js';

const line = (value: object): string => `${JSON.stringify(value)}\n`;
const before = line({ uuid: 'a', sessionId: 'one' }) + line({ type: 'last-prompt', sessionId: 'one' });
const after = line({ uuid: 'b', sessionId: 'two' });
const nameless = line({ type: 'summary' });

test('keeps the lines of one conversation, and the lines that name none', () => {
  const files = new Map([
    ['main', before + nameless + after],
    ['one/subagents/x.jsonl', before],
    ['two/subagents/y.jsonl', after],
  ]);
  expect(conversationOf(files, 'two')).toEqual(
    new Map([
      ['main', nameless + after],
      ['two/subagents/y.jsonl', after],
    ]),
  );
  expect(conversationOf(files, 'one')?.get('main')).toBe(before + nameless);
});

test('finds nothing to resume in a conversation that has just begun', () => {
  expect(conversationOf(new Map([['main', before + nameless]]), 'two')).toBeUndefined();
  expect(conversationOf(new Map(), 'two')).toBeUndefined();
});

test.each(['{"torn', 'null', '7'])('keeps the damaged line %s, because it may have been an entry', (damaged) => {
  const kept = new Map([['main', `${damaged}\n`]]);
  expect(conversationOf(new Map([['main', before + damaged]]), 'two')).toEqual(kept);
});

test('drops the costs that an ended agent left, because a resumed one would count them again', () => {
  const costs = line({ type: 'cost-state', sessionId: 'one', totalCostUSD: 1 });
  expect(conversationOf(new Map([['main', before + costs]]), 'one')?.get('main')).toBe(before);
});
