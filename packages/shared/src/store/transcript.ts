import type { SessionView } from './session-view.js';

/** A chunk of the transcript in Redis: a line that names its file, then a piece of that file. */
export function formatChunk(file: string, piece: string): string {
  return `${JSON.stringify({ file })}\n${piece}`;
}

/** Cuts text into pieces of at most `maxBytes` of UTF-8, never inside a character. */
export function* splitUtf8(text: string, maxBytes: number): Generator<string> {
  if (text.length * 3 <= maxBytes) {
    yield text;
    return;
  }
  const bytes = Buffer.from(text, 'utf8');
  for (let start = 0; start < bytes.length; ) {
    let end = Math.min(start + maxBytes, bytes.length);
    // A byte 10xxxxxx goes on with a character: step back to where one begins.
    while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
    yield bytes.toString('utf8', start, end);
    start = end;
  }
}

/** How many chunks one read fetches. */
const chunksPerRead = 16;

/** Reads the first `chunks` chunks of a transcript and puts its files together again: `main`, and those of sub-agents. */
export async function readPast(
  store: Pick<SessionView, 'transcript'>,
  sessionId: string,
  chunks: number,
): Promise<Map<string, string>> {
  const pieces = new Map<string, string[]>();
  for (let from = 0; from < chunks; from += chunksPerRead) {
    for (const chunk of await store.transcript(sessionId, from, Math.min(chunksPerRead, chunks - from))) {
      const end = chunk.indexOf('\n');
      const { file } = JSON.parse(chunk.slice(0, end)) as { file: string };
      const known = pieces.get(file);
      if (known === undefined) pieces.set(file, [chunk.slice(end + 1)]);
      else known.push(chunk.slice(end + 1));
    }
  }
  return new Map([...pieces].map(([file, parts]) => [file, parts.join('')]));
}
