import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { LineOf } from './wire.js';

type Mirror = LineOf<'transcript_mirror'>;

/**
 * Reads what a CLI without `--session-mirror` has written of its conversation, as the mirror would have told it. Owns how far each file
 * was read. Read at once, not awaited: what is read has to come before the result that is just being told.
 */
export class TranscriptTail {
  private readonly read = new Map<string, number>();

  /** `folders`: where transcripts can lie; what lies there now is the past. */
  constructor(private readonly folders: readonly string[]) {
    for (const file of this.files('')) this.read.set(file, sizeOf(file));
  }

  /** What was written of a conversation since the last look: whole lines only. */
  take(claudeSessionId: string): Mirror[] {
    return this.files(claudeSessionId).flatMap((filePath) => {
      const from = this.read.get(filePath) ?? 0;
      const text = readFrom(filePath, from);
      const whole = text.subarray(0, text.lastIndexOf(0x0a) + 1);
      if (whole.length === 0) return [];
      this.read.set(filePath, from + whole.length);
      const lines = whole.toString('utf8').split('\n').filter(Boolean);
      const entries = lines.flatMap(entryOf);
      return [{ type: 'transcript_mirror' as const, filePath, entries }];
    });
  }

  /** The conversation's own file, and those of its sub-agents in the folder beside it. */
  private files(claudeSessionId: string): string[] {
    return this.folders.flatMap((folder) =>
      list(folder)
        .map((name) => join(folder, name))
        .filter((path) => path.endsWith('.jsonl') && path.includes(claudeSessionId)),
    );
  }
}

/** A torn line is none: a resume cuts the transcript back to what hangs together. */
function entryOf(line: string): Mirror['entries'] {
  try {
    return [JSON.parse(line) as Mirror['entries'][number]];
  } catch {
    return [];
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
}

function sizeOf(file: string): number {
  return readFrom(file, 0).length;
}

function readFrom(file: string, from: number): Buffer {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    // Its folder is just being removed.
    return Buffer.alloc(0);
  }
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(fd).size - from));
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, from));
  } finally {
    closeSync(fd);
  }
}
