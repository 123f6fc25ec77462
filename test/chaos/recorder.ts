import { createWriteStream, type WriteStream } from 'node:fs';
import type { HistoryRecord } from './checker/records.js';

type Without<T> = T extends unknown ? Omit<T, 'at'> & { at?: number } : never;

/** Writes the history down, in a file and for the checker. */
export class Recorder {
  readonly records: HistoryRecord[] = [];
  private readonly file: WriteStream | undefined;
  private readonly listeners = new Set<(record: HistoryRecord) => void>();

  constructor(path: string | undefined) {
    this.file = path === undefined ? undefined : createWriteStream(path);
  }

  note(record: Without<HistoryRecord>): void {
    const whole = { at: Date.now(), ...record } as HistoryRecord;
    this.records.push(whole);
    this.file?.write(`${JSON.stringify(whole)}\n`);
    for (const listener of this.listeners) listener(whole);
  }

  onRecord(listener: (record: HistoryRecord) => void): void {
    this.listeners.add(listener);
  }

  async close(): Promise<void> {
    if (this.file !== undefined) await new Promise((resolve) => this.file?.end(resolve));
  }
}
