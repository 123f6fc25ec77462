import { randomUUID } from 'node:crypto';
import { pause } from './blocking-write.js';

export type Line = Readonly<Record<string, unknown>>;

/** Pieces a line is cut to at most, and how long the reader gets to see each, ms. */
const mostCuts = 100;
const pieceGapMs = 1;

/** The agent's stdout: JSON lines, and what can be wrong with them. Writes are synchronous, so that an exit loses nothing. */
export class Output {
  private isSilent = false;
  private cutsCharacters = false;

  constructor(private readonly write: (bytes: string | Uint8Array) => void) {}

  line(line: Line): void {
    this.raw(`${JSON.stringify(line)}\n`);
  }

  /** A line of a session: with its id and one of its own. */
  said(sessionId: string, line: Line): void {
    this.line({ ...line, session_id: sessionId, uuid: line['uuid'] ?? randomUUID() });
  }

  raw(text: string): void {
    if (this.isSilent) return;
    if (!this.cutsCharacters) return this.write(text);
    for (const piece of insideCharacters(Buffer.from(text))) {
      this.write(piece);
      // Blocks, so that the order of lines stays what it was.
      pause(pieceGapMs);
    }
  }

  /** Hazard: nothing is said any more, and the process lives. */
  fallSilent(): void {
    this.isSilent = true;
  }

  /** Hazard: from now on lines arrive in pieces that end inside a character. */
  cutCharacters(): void {
    this.cutsCharacters = true;
  }
}

/** Cuts after the first byte of every character of several; a line that has none is cut in the middle. */
function insideCharacters(line: Buffer): Buffer[] {
  const cuts: number[] = [];
  for (let at = 0; at < line.length && cuts.length < mostCuts; at += 1) {
    if ((line[at] ?? 0) >= 0xc0) cuts.push(at + 1);
  }
  if (cuts.length === 0) cuts.push(line.length >> 1);
  return [0, ...cuts].map((start, index) => line.subarray(start, cuts[index] ?? line.length));
}
