import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { SessionView } from './session-view.js';

/** Pieces from this size on are compressed, bytes: what Claude writes shrinks to about a third. */
const compressedFrom = 512;

interface ChunkHeader {
  file: string;
  /** How the piece is compressed; absent: not at all. */
  z?: 'deflate';
}

/** A chunk of the transcript in Redis: a line that names its file, then a piece of that file, compressed when that is worth it. */
export function formatChunk(file: string, piece: string): Buffer {
  const bytes = Buffer.from(piece, 'utf8');
  if (bytes.length < compressedFrom) return Buffer.concat([headerLine({ file }), bytes]);
  // The fastest level: half a millisecond for 100 KB, before the commit.
  return Buffer.concat([headerLine({ file, z: 'deflate' }), deflateRawSync(bytes, { level: 1 })]);
}

const headerLine = (header: ChunkHeader): Buffer => Buffer.from(`${JSON.stringify(header)}\n`);

/** Of a chunk nobody can read any more a line that is no JSON is left: whoever resumes cuts the file back to before it. */
const unreadable = Buffer.from('a chunk that could not be read\n');

function parseChunk(chunk: Buffer): { file: string; piece: Buffer } {
  let file = 'main';
  try {
    const end = chunk.indexOf('\n');
    const header = JSON.parse(chunk.toString('utf8', 0, end)) as ChunkHeader;
    file = header.file;
    const piece = chunk.subarray(end + 1);
    return { file, piece: header.z === undefined ? piece : inflateRawSync(piece) };
  } catch {
    return { file, piece: unreadable };
  }
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
export async function readTranscript(
  store: Pick<SessionView, 'transcript'>,
  sessionId: string,
  chunks: number,
): Promise<Map<string, string>> {
  const pieces = new Map<string, Buffer[]>();
  for (let from = 0; from < chunks; from += chunksPerRead) {
    for (const chunk of await store.transcript(sessionId, from, Math.min(chunksPerRead, chunks - from))) {
      const { file, piece } = parseChunk(chunk);
      const parts = pieces.get(file);
      if (parts === undefined) pieces.set(file, [piece]);
      else parts.push(piece);
    }
  }
  return new Map([...pieces].map(([file, parts]) => [file, Buffer.concat(parts).toString('utf8')]));
}
