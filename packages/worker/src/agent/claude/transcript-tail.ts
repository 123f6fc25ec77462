import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { parseObject } from './transcript-entry.js';
import type { LineOf } from './wire.js';

type Mirror = LineOf<'transcript_mirror'>;

/**
 * Reads the transcript files of a CLI without `--session-mirror`, and gives what the mirror would have given. Owns how far each file was
 * read. It reads synchronously, because the lines must come before the result that is being handled.
 */
export class TranscriptTail {
  private readonly read = new Map<string, number>();

  /** `folders`: where transcripts can be. Content that is there now is not read. */
  constructor(private readonly folders: readonly string[]) {
    for (const file of this.files('')) this.read.set(file, sizeOf(file));
  }

  /** Reads whole lines that were written of a conversation since the last call. */
  take(claudeSessionId: string): Mirror[] {
    return this.files(claudeSessionId).flatMap((filePath) => {
      const from = this.read.get(filePath) ?? 0;
      const text = readFrom(filePath, from);
      const whole = text.subarray(0, text.lastIndexOf(0x0a) + 1);
      if (whole.length === 0) return [];
      this.read.set(filePath, from + whole.length);
      const lines = whole.toString('utf8').split('\n').filter(Boolean);
      // A torn line is dropped. A resume cuts the transcript back to its last valid chain.
      const entries = lines.flatMap((line): Mirror['entries'] => {
        const entry = parseObject(line);
        return entry === undefined ? [] : [entry as Mirror['entries'][number]];
      });
      return [{ type: 'transcript_mirror' as const, filePath, entries }];
    });
  }

  /** The conversation's own file, and the files of its sub-agents in the folder beside it. */
  private files(claudeSessionId: string): string[] {
    return this.folders.flatMap((folder) =>
      list(folder)
        .map((name) => join(folder, name))
        .filter((path) => path.endsWith('.jsonl') && path.includes(claudeSessionId)),
    );
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
    // Its folder is being removed.
    return Buffer.alloc(0);
  }
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(fd).size - from));
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, from));
  } finally {
    closeSync(fd);
  }
}
