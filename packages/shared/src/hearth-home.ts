import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { environment } from './environment.js';
import { homeUnusable } from './home-folder.js';

/** The home folder of this user. Undefined for a user without one: no HOME, and no entry among the users of the system. */
export function userHome(): string | undefined {
  try {
    return homedir() || undefined;
  } catch {
    return undefined;
  }
}

/** The folder for everything the `hearth` commands and workers write: `HEARTH_HOME`, else `~/.hearth`. @throws HearthError `home_unusable` */
export function hearthHome(): string {
  const home = knownHome();
  if (home === undefined) throw homeUnusable('There is no home folder for ~/.hearth: HOME is not set.');
  return home;
}

function knownHome(): string | undefined {
  const home = userHome();
  return environment('HEARTH_HOME') ?? (home === undefined ? undefined : join(home, '.hearth'));
}

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
export function runningUp(home: string | undefined): UpRecord | undefined {
  if (home === undefined) return undefined;
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
  return option ?? environment('REDIS_URL') ?? runningUp(knownHome())?.redisUrl ?? 'redis://127.0.0.1:6379';
}
