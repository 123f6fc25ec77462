import { randomUUID } from 'node:crypto';
import { pause } from './blocking-write.js';
import type { CuttableLine } from './hazards.js';

export type Line = Readonly<Record<string, unknown>>;

/** Into how many pieces a line is cut at most, and the pause between them, ms. */
const mostCuts = 100;
const pieceGapMs = 1;

/** The agent's stdout: JSON lines, and hazards of lines. Writes are synchronous, so that an exit loses nothing. */
export class Output {
  private isSilent = false;
  private cutsCharacters = false;
  private halved: CuttableLine | undefined;

  constructor(private readonly write: (bytes: string | Uint8Array) => void) {}

  line(line: Line): void {
    const text = JSON.stringify(line);
    if (this.halved === undefined || this.halved !== kindOf(line)) return this.raw(`${text}\n`);
    this.halved = undefined;
    this.raw(text.slice(0, text.length >> 1));
  }

  /** Writes a line of a session, with its ids. */
  said(sessionId: string, line: Line): void {
    this.line({ ...line, session_id: sessionId, uuid: line['uuid'] ?? randomUUID() });
  }

  /** Hazard: writes a result of an earlier turn. Line hazards of the running turn do not apply to it. */
  saidLate(sessionId: string, line: Line): void {
    this.raw(`${JSON.stringify({ ...line, session_id: sessionId, uuid: randomUUID() })}\n`);
  }

  raw(text: string): void {
    if (this.isSilent) return;
    if (!this.cutsCharacters) return this.write(text);
    for (const piece of insideCharacters(Buffer.from(text))) {
      this.write(piece);
      // Blocks, so that lines keep their order.
      pause(pieceGapMs);
    }
  }

  /** Hazard: stops all output. The process lives on. */
  fallSilent(): void {
    this.isSilent = true;
  }

  /** Hazard: writes only the first half of the next such line. The next output follows on the same line. */
  halve(line: CuttableLine | undefined): void {
    this.halved = line;
  }

  /** Hazard: writes lines in pieces that end inside a character from now on. */
  cutCharacters(): void {
    this.cutsCharacters = true;
  }
}

function kindOf({ type, request, tool_use_result: toolResult }: Line): CuttableLine | undefined {
  if (type === 'result') return 'result';
  if (type === 'transcript_mirror') return 'mirror';
  if (type === 'user' && toolResult !== undefined) return 'tool';
  return type === 'control_request' && (request as Line)['subtype'] === 'hook_callback' ? 'gate' : undefined;
}

/** Cuts after the first byte of every multi-byte character. A line without one is cut in the middle. */
function insideCharacters(line: Buffer): Buffer[] {
  const cuts: number[] = [];
  for (let at = 0; at < line.length && cuts.length < mostCuts; at += 1) {
    if ((line[at] ?? 0) >= 0xc0) cuts.push(at + 1);
  }
  if (cuts.length === 0) cuts.push(line.length >> 1);
  return [0, ...cuts].map((start, index) => line.subarray(start, cuts[index] ?? line.length));
}
