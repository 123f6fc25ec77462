import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { returnCodeOf, returnCodes } from '../../src/store/return-codes.js';

it('the scripts and their callers have the same table of return codes', () => {
  const lua = readFileSync(new URL('../../lua/includes/reply.lua', import.meta.url), 'utf8');
  const table = [...lua.matchAll(/^local (.+) = (.+)$/gm)].flatMap(([, names = '', values = '']) => {
    const numbers = values.split(',').map(Number);
    return names.split(',').map((name, at) => [name.trim(), numbers[at]]);
  });
  expect(Object.fromEntries(table)).toEqual(returnCodes);
});

it('no two names have one code', () => {
  expect(new Set(Object.values(returnCodes)).size).toBe(Object.keys(returnCodes).length);
});

it('an unknown code is refused', () => {
  expect(returnCodeOf(0)).toBe('OK');
  expect(() => returnCodeOf(99)).toThrow('unknown return code 99');
});
