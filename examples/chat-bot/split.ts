import { cutText } from '@hearth/producer';

/** Places where a long text may be cut, the best first: between paragraphs, lines, sentences, words. */
const places = ['\n\n', '\n', '. ', ' '];
/** A cut that fills less than this part of a message is worse than a cut at a lesser place. */
const leastFilled = 0.5;

/**
 * Cuts a text into messages of at most `limit` characters, at the best places. When code is cut, its fence is closed and opened
 * again. While a text grows, its full messages do not change.
 */
export function splitText(text: string, limit: number): string[] {
  const parts: string[] = [];
  let rest = text;
  while (rest.length > limit) {
    // Room for a closing fence.
    const end = cutAt(rest, limit - 4);
    const fence = openFence(rest.slice(0, end));
    parts.push(rest.slice(0, end).trimEnd() + (fence === undefined ? '' : '\n```'));
    const after = rest.slice(end);
    rest = fence === undefined ? after.trimStart() : `${fence}\n${after.replace(/^\n/, '')}`;
  }
  if (rest.trim() !== '') parts.push(rest);
  return parts;
}

function cutAt(text: string, room: number): number {
  const window = text.slice(0, room);
  for (const place of places) {
    const at = window.lastIndexOf(place);
    if (at >= room * leastFilled) return at + place.trimEnd().length;
  }
  // Anywhere, but not inside a character. The cut text ends in an ellipsis.
  return cutText(text, room + 1).length - 1;
}

/** The line that opened the code block at the end of a text. */
function openFence(text: string): string | undefined {
  const fences = text.match(/^```.*$/gm) ?? [];
  return fences.length % 2 === 1 ? fences.at(-1) : undefined;
}
