import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { environment } from './environment.js';

/** The folder for everything the `hearth` commands and workers write: `HEARTH_HOME`, else `~/.hearth`. */
export const hearthHome = (): string => environment('HEARTH_HOME') ?? join(homedir(), '.hearth');

/** What a running `hearth up` leaves for other commands on this machine. */
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

/** The record of a `hearth up` that is running with this home. Undefined when there is none. */
export function runningUp(home: string): UpRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(upFile(home), 'utf8')) as UpRecord;
    process.kill(record.pid, 0);
    return record;
  } catch {
    // There is no record, or its process is gone.
    return undefined;
  }
}

/** The URL of Redis: the option, then `REDIS_URL`, then a running `hearth up`, then the default port. */
export function redisUrlFrom(option: string | undefined): string {
  return option ?? environment('REDIS_URL') ?? runningUp(hearthHome())?.redisUrl ?? 'redis://127.0.0.1:6379';
}
