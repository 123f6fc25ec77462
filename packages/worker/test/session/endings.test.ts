import type { HeadTurn } from '@hearth/shared';
import { describe, expect, test } from 'vitest';
import { refusalOf } from '../../src/session/endings.js';
import { withNote } from '../../src/session/note.js';

const turn = (attempts: number, toolsReached: string[], onInterrupted: 'fail' | 'retry' = 'fail'): HeadTurn => ({
  sessionId: 's',
  turnId: 't',
  seq: 1,
  submittedAt: 0,
  state: 'running',
  attempts,
  toolsReached,
  request: { prompt: 'x', onInterrupted },
  ring: { queue: 'intake', jobId: 'r' },
  isToStop: false,
});

describe('a turn that was begun before', () => {
  test.each([
    { name: 'is run when it was not', turn: turn(0, []), code: undefined },
    { name: 'is run again when it reached no tool', turn: turn(1, []), code: undefined },
    { name: 'is run again when it reached only tools that read', turn: turn(2, ['Read', 'Grep']), code: undefined },
    { name: 'is refused when it reached one that changes', turn: turn(1, ['Read', 'Bash']), code: 'interrupted' },
    { name: 'is refused when it reached one nobody knows', turn: turn(1, ['mcp__x__y']), code: 'interrupted' },
    { name: 'is run again when the caller said so', turn: turn(1, ['Bash'], 'retry'), code: undefined },
    { name: 'is given up after three attempts', turn: turn(3, ['Bash'], 'retry'), code: 'agent_crashed' },
  ])('$name', ({ turn: begun, code }) => {
    expect(refusalOf(begun, 3, undefined)?.error.code).toBe(code);
  });

  test('names its tools to the caller and to the next prompt, each once', () => {
    const refusal = refusalOf(turn(1, ['Bash', 'Read', 'Bash', 'Write']), 3, undefined);
    expect(refusal?.error.message).toContain('Bash, Write');
    expect(withNote('next', refusal?.note ?? '')).toMatch(/Bash, Write.*\n\nnext$/s);
    expect(withNote([{ type: 'text', text: 'next' }], 'note')).toEqual([
      { type: 'text', text: 'note' },
      { type: 'text', text: 'next' },
    ]);
    expect(withNote('next', '')).toBe('next');
  });
});
