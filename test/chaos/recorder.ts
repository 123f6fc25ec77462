import { createWriteStream, type WriteStream } from 'node:fs';
import type { HistoryRecord } from './checker/records.js';

type Without<T> = T extends unknown ? Omit<T, 'at'> & { at?: number } : never;

/** Writes the history, to a file and for the checker. */
export class Recorder {
  readonly records: HistoryRecord[] = [];
  /** The last time at which Redis came back with lost writes. */
  rolledBackAt = 0;
  private readonly file: WriteStream | undefined;

  constructor(path: string | undefined) {
    this.file = path === undefined ? undefined : createWriteStream(path);
  }

  note(record: Without<HistoryRecord>): void {
    const whole = { at: Date.now(), ...record } as HistoryRecord;
    this.records.push(whole);
    if (whole.kind === 'rolled_back') this.rolledBackAt = whole.until;
    this.file?.write(`${JSON.stringify(whole)}\n`);
  }

  async close(): Promise<void> {
    if (this.file !== undefined) await new Promise((resolve) => this.file?.end(resolve));
  }
}
