import { expect, test } from 'vitest';
import { isAtEnd } from './finish.js';

test('a reader is complete when it has the last event of the current session', () => {
  expect(isAtEnd('bb.20', 'bb.20')).toBe(true);
  expect(isAtEnd('bb.19', 'bb.20')).toBe(false);
  // Users closed that session, and opened another one.
  expect(isAtEnd('aa.500', 'bb.20')).toBe(false);
  expect(isAtEnd(undefined, 'bb.20')).toBe(false);
});

test('without events there is nothing to read', () => {
  expect(isAtEnd(undefined, undefined)).toBe(true);
  expect(isAtEnd('aa.500', undefined)).toBe(true);
  expect(isAtEnd(undefined, 'bb.0')).toBe(true);
});
