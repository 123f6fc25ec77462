import { describe, expect, test } from 'vitest';
import { parseDirectives } from '../src/model-api/directives.js';
import { DirectiveError } from '../src/model-api/fields.js';

describe('directives', () => {
  test('are removed from the prompt, in any order', () => {
    const parsed = parseDirectives('first [[stream chunks=3 every=50ms]] then [[delay 2s]] [[say a b]] last');
    expect(parsed).toMatchObject({ chunks: 3, everyMs: 50, delayMs: 2000, say: 'a b', rest: 'first then last' });
  });

  test('may contain "]]" inside the JSON of a tool', () => {
    const parsed = parseDirectives(
      '[[tool Bash {"command":"[[ -f x ]] && echo yes","list":[[1]]}]] [[tool Read {"file_path":"/x"}]] go',
    );
    expect(parsed.tools).toEqual([
      { name: 'Bash', input: { command: '[[ -f x ]] && echo yes', list: [[1]] } },
      { name: 'Read', input: { file_path: '/x' } },
    ]);
    expect(parsed.rest).toBe('go');
  });

  test.each([
    ['[[nonsense]]', 'one of say'],
    ['[[delay soon]]', 'a time such as'],
    ['[[large 1GB]]', 'a size such as'],
    ['[[error 200]]', 'STATUS from 400'],
    ['[[stream pieces=3]]', 'fields chunks=… every=…'],
    ['[[tool Bash not json]]', 'tool NAME'],
    ['[[say unclosed', 'a closing ]]'],
  ])('%s is refused with the expected form', (text, expected) => {
    expect(() => parseDirectives(text)).toThrow(DirectiveError);
    expect(() => parseDirectives(text)).toThrow(expected);
  });
});
