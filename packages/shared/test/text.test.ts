import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { cutText, wellFormed } from '../src/text.js';

const borders = (text: string): Set<number> => {
  const segments = new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text);
  return new Set([...segments].map(({ index }) => index).concat(text.length));
};

describe('cutText', () => {
  it('keeps a short text, and marks what it cuts off', () => {
    expect(cutText('hello', 5)).toBe('hello');
    expect(cutText('hello!', 5)).toBe('hell…');
    expect(cutText('hello!', 5, 'end')).toBe('…llo!');
  });

  it.each([
    ['an emoji', 'ab😀cd', 4],
    ['a family', 'ab👨‍👩‍👧cd', 6],
    ['a flag', 'ab🇩🇪cd', 6],
    ['an accent', 'abe\u0301cd', 4],
    ['a line end of two', 'ab\r\ncd', 4],
  ])('cuts before or behind %s, never inside', (_what, text, length) => {
    expect(cutText(text, length)).toBe('ab…');
    expect(cutText(text, length, 'end')).toBe('…cd');
  });

  it('cuts a grapheme that is too long for the text between code points', () => {
    expect(cutText(`a${'\u0301'.repeat(20)}`, 5)).toBe('a\u0301\u0301\u0301…');
    expect(cutText(`😀${'\u200d😀'.repeat(5)}`, 5)).toBe('😀\u200d…');
    expect(cutText(`😀${'\u200d😀'.repeat(5)}`, 6, 'end')).toBe('…😀\u200d😀');
  });

  it.each(['start', 'end'] as const)('leaves a valid text of graphemes when it keeps the %s', (keep) =>
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 3 }), fc.integer({ min: 2, max: 40 }), (text, length) => {
        const cut = cutText(text, length, keep);
        expect(cut.length).toBeLessThanOrEqual(length);
        expect(cut.isWellFormed()).toBe(true);
        if (cut === text) return;
        const kept = cut.replace(keep === 'start' ? /…$/ : /^…/, '');
        const border = keep === 'start' ? kept.length : text.length - kept.length;
        expect(keep === 'start' ? text.startsWith(kept) : text.endsWith(kept)).toBe(true);
        // A first or last grapheme that is longer than the room is cut between code points.
        const room = length - 1;
        const isTooLong =
          keep === 'start' ? !hasBorder(text, 1, room) : !hasBorder(text, text.length - room, text.length - 1);
        if (!isTooLong) expect(borders(text)).toContain(border);
      }),
    ),
  );
});

/** Whether there is a border between graphemes from one place to another. */
const hasBorder = (text: string, from: number, to: number): boolean =>
  [...borders(text)].some((border) => border >= from && border <= to);

test('wellFormed replaces lone surrogates in every string of a value', () => {
  expect(wellFormed({ 'a\ud83d': ['b\udc00', { c: '😀' }, 1, null, true] })).toEqual({
    'a\ufffd': ['b\ufffd', { c: '😀' }, 1, null, true],
  });
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: fc.string({ minLength: 1, unit: 'binary' }) }), (value) => {
      expect(wellFormed(value)).toEqual(value);
    }),
  );
});
