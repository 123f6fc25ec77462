import type { HeadTurn } from '@hearth/shared/internal';
import { describe, expect, test } from 'vitest';
import { nextAttempt } from '../../src/session/next-attempt.js';
import { withNote } from '../../src/session/note.js';
import { headTurn } from '../support/turns.js';

const turn = (attempts: number, toolsReached: string[], onInterrupted: 'fail' | 'retry' = 'fail'): HeadTurn =>
  headTurn({ attempts, toolsReached, request: { prompt: 'x', onInterrupted } });

describe('a turn with earlier attempts', () => {
  test.each([
    { name: 'runs when it had no attempt', turn: turn(0, []), code: undefined },
    { name: 'runs again when it reached no tool', turn: turn(1, []), code: undefined },
    { name: 'runs again when it reached only tools that read', turn: turn(2, ['Read', 'Grep']), code: undefined },
    {
      name: 'fails when it reached a tool that changes something',
      turn: turn(1, ['Read', 'Bash']),
      code: 'interrupted',
    },
    { name: 'fails when it reached an unknown tool', turn: turn(1, ['mcp__x__y']), code: 'interrupted' },
    { name: 'runs again with onInterrupted: retry', turn: turn(1, ['Bash'], 'retry'), code: undefined },
    { name: 'fails after three attempts', turn: turn(3, ['Bash'], 'retry'), code: 'agent_crashed' },
  ])('$name', ({ turn: begun, code }) => {
    const next = nextAttempt(begun, 3, undefined);
    expect(next.kind === 'fail' ? next.error.code : undefined).toBe(code);
  });

  test('names each tool once to the caller and to the next prompt', () => {
    const next = nextAttempt(turn(1, ['Bash', 'Read', 'Bash', 'Write']), 3, undefined);
    if (next.kind !== 'fail') throw new Error('expected the turn to fail');
    expect(next.error.message).toContain('Bash, Write');
    expect(withNote('next', next.note)).toMatch(/Bash, Write.*\n\nnext$/s);
    expect(withNote([{ type: 'text', text: 'next' }], 'note')).toEqual([
      { type: 'text', text: 'note' },
      { type: 'text', text: 'next' },
    ]);
    expect(withNote('next', '')).toBe('next');
  });
});
