import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { SessionView } from './session-view.js';

/** Pieces from this size on are compressed, bytes. Claude's transcripts shrink to about a third. */
const compressedFrom = 512;

interface ChunkHeader {
  file: string;
  /** Compression of the piece. Absent: none. */
  z?: 'deflate';
}

/** Makes a chunk of a transcript: a header line that names the file, then a piece of the file. */
export function formatChunk(file: string, piece: string): Buffer {
  const bytes = Buffer.from(piece, 'utf8');
  if (bytes.length < compressedFrom) return Buffer.concat([headerLine({ file }), bytes]);
  // The fastest level, because the commit waits for it (0.5 ms for 100 KB).
  return Buffer.concat([headerLine({ file, z: 'deflate' }), deflateRawSync(bytes, { level: 1 })]);
}

const headerLine = (header: ChunkHeader): Buffer => Buffer.from(`${JSON.stringify(header)}\n`);

/** Replaces an unreadable chunk. The line is no JSON, so a resume cuts the file before it. */
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
    // A byte 10xxxxxx continues a character, so step back to the first byte of a character.
    while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
    yield bytes.toString('utf8', start, end);
    start = end;
  }
}

const chunksPerRead = 16;

/** Reads the first `chunks` chunks of a transcript. Returns its files by name: `main`, and those of sub-agents. */
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
