import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folderError, hearthHome } from '@hearth/shared/internal';

const folder = (): string => join(hearthHome(), 'last-sessions');
const file = (name: string): string => join(folder(), createHash('sha256').update(name).digest('hex').slice(0, 32));

/** The session that was last used under a name. */
export function lastSession(name: string): string | undefined {
  try {
    const { sessionId } = JSON.parse(readFileSync(file(name), 'utf8')) as { sessionId: string };
    return sessionId;
  } catch {
    // There is none yet, or the file belongs to another user.
    return undefined;
  }
}

/**
 * Makes a session the one that the next `--continue` under that name continues.
 *
 * @throws HearthError `home_unusable` | `disk_full`
 */
export function rememberSession(name: string, sessionId: string): void {
  const home = hearthHome();
  try {
    mkdirSync(folder(), { recursive: true });
    // Written by a rename, so that two calls at once leave one whole file.
    const draft = `${file(name)}.${process.pid}`;
    writeFileSync(draft, JSON.stringify({ name, sessionId }));
    renameSync(draft, file(name));
  } catch (error) {
    throw folderError(home, error);
  }
}
