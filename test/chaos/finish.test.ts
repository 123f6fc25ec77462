import { expect, test } from 'vitest';
import { isAtEnd } from './finish.js';

test('a reader is at the end when it has the last event of the session that is there now', () => {
  expect(isAtEnd('bb.20', 'bb.20')).toBe(true);
  expect(isAtEnd('bb.19', 'bb.20')).toBe(false);
  // Its users closed that one, and opened another.
  expect(isAtEnd('aa.500', 'bb.20')).toBe(false);
  expect(isAtEnd(undefined, 'bb.20')).toBe(false);
});

test('where nothing was said, there is nothing to read', () => {
  expect(isAtEnd(undefined, undefined)).toBe(true);
  expect(isAtEnd('aa.500', undefined)).toBe(true);
  expect(isAtEnd(undefined, 'bb.0')).toBe(true);
});
