import { describe, expect, it, test } from 'vitest';
import { answerFrom, choicesOf, describeRequest, replyFrom } from '../../src/terminal/permission-question.js';

const bash = { name: 'Bash', input: { command: 'ls' }, suggestions: ['one', 'two'] };

describe('a typed line', () => {
  it.each([
    ['y', { decision: 'allow' }],
    [' YES ', { decision: 'allow' }],
    ['n', { decision: 'deny', message: expect.any(String) }],
    ['a', { decision: 'allow', suggestions: [0, 1] }],
    ['s', { decision: 'deny', endTurn: true }],
    ['maybe', undefined],
    ['', undefined],
  ])('%o answers with %o', (line, answer) => expect(answerFrom(line, bash)).toEqual(answer));

  it('cannot be "always" without a suggestion of the agent', () => {
    expect(answerFrom('a', { ...bash, suggestions: [] })).toBeUndefined();
    expect(choicesOf({ ...bash, suggestions: [] })).not.toContain('always');
  });
});

const options = [{ label: 'Red' }, { label: 'Blue', description: 'cold' }];

test.each([
  ['2', false, 'Blue'],
  ['1, 2', true, 'Red, Blue'],
  ['1,2', false, undefined],
  ['3', false, undefined],
  ['0', false, undefined],
  ['something else', false, 'something else'],
  ['  ', false, undefined],
])('%o to a question (several choices: %o) is the reply %o', (line, multiSelect, reply) => {
  expect(replyFrom(line, { question: 'Which?', options, multiSelect })).toBe(reply);
});

test('a request is displayed as the tool with its input, questions with their options', () => {
  expect(describeRequest(bash)).toBe('Bash {"command":"ls"}');
  const input = { questions: [{ question: 'Which?', options }] };
  expect(describeRequest({ name: 'AskUserQuestion', input, suggestions: [] })).toBe('Which?\n  1 Red\n  2 Blue – cold');
});
