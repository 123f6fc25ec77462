// Has no imports, because the console's page bundles it.

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const ellipsis = '…';

/**
 * Cuts a text to at most `length` UTF-16 code units between two graphemes. `…` stands for what was cut off.
 *
 * @param keep which end of the text stays
 */
export function cutText(text: string, length: number, keep: 'start' | 'end' = 'start'): string {
  if (text.length <= length) return text;
  const room = length - ellipsis.length;
  return keep === 'start'
    ? text.slice(0, borderBefore(text, room)) + ellipsis
    : ellipsis + text.slice(borderAfter(text, text.length - room));
}

/** The last border between graphemes up to a place. A grapheme that is longer than that is cut between code points. */
function borderBefore(text: string, at: number): number {
  // Whether a border is there depends on the text before it and on the next code point.
  const { index = 0 } = graphemes.segment(text.slice(0, at + 2)).containing(at) ?? {};
  return index > 0 ? index : at - (isInsidePair(text, at) ? 1 : 0);
}

/** The first border between graphemes from a place on. */
function borderAfter(text: string, at: number): number {
  const found = graphemes.segment(text).containing(at);
  if (found === undefined || found.index === at) return at;
  const end = found.index + found.segment.length;
  return end < text.length ? end : at + (isInsidePair(text, at) ? 1 : 0);
}

const isInsidePair = (text: string, at: number): boolean =>
  /^[\uD800-\uDBFF][\uDC00-\uDFFF]$/.test(text.slice(at - 1, at + 1));

/** Replaces lone surrogates in all strings of a JSON value by U+FFFD, because other languages refuse or cannot print them. */
export function wellFormed<T>(value: T): T;
export function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map((one) => wellFormed<unknown>(one));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name.toWellFormed(), wellFormed<unknown>(one)]),
  );
}
