/** Where a long text may be cut, the best first: between paragraphs, lines, sentences, words. */
const places = ['\n\n', '\n', '. ', ' '];
/** A cut that leaves less than this part of a message filled is worse than a cut at a lesser place. */
const leastFilled = 0.5;

/**
 * Cuts a text into messages of at most `limit` characters, at sensible places. Code that is cut goes on as code: its fence is closed
 * and opened again. Of a text that grows, messages that are full do not change any more.
 */
export function splitText(text: string, limit: number): string[] {
  const parts: string[] = [];
  let rest = text;
  while (rest.length > limit) {
    // Room for a fence that may have to be closed.
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
  // Not between the halves of a character.
  return /[\uD800-\uDBFF]$/.test(window) ? room - 1 : room;
}

/** The line that opened the code block in which a text ends. */
function openFence(text: string): string | undefined {
  const fences = text.match(/^```.*$/gm) ?? [];
  return fences.length % 2 === 1 ? fences.at(-1) : undefined;
}
