import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Folder for everything `hearth` writes: `HEARTH_HOME`, else `~/.hearth`. An empty variable is an unset one. */
export const hearthHome = (): string => process.env['HEARTH_HOME'] || join(homedir(), '.hearth');

/** What a running `hearth up` leaves for the other commands. */
export interface UpRecord {
  pid: number;
  redisUrl: string;
}

const upFile = (home: string): string => join(home, 'up.json');

export function writeUpRecord(home: string, record: UpRecord): void {
  mkdirSync(home, { recursive: true });
  writeFileSync(upFile(home), JSON.stringify(record));
}

export function removeUpRecord(home: string): void {
  rmSync(upFile(home), { force: true });
}

/** The record of an `up` that is still running in this home. */
export function runningUp(home: string): UpRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(upFile(home), 'utf8')) as UpRecord;
    process.kill(record.pid, 0);
    return record;
  } catch {
    // No record, or its process is gone.
    return undefined;
  }
}

/** Where Redis is: the option, then `REDIS_URL`, then a running `hearth up`, then the usual port. */
export function redisUrlFrom(option: string | undefined): string {
  return option ?? (process.env['REDIS_URL'] || (runningUp(hearthHome())?.redisUrl ?? 'redis://127.0.0.1:6379'));
}
