import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** No folder for counters is known. */
export class CannotCount extends Error {
  override readonly name = 'CannotCount';
}

/** Counts over processes, by files that only one process can create. */
export class SharedCounter {
  /** @param folder absent: counts are impossible, so no hazard with `times` can be played */
  constructor(private readonly folder: string | undefined) {}

  /** Whether the hazard strikes once more. @throws CannotCount */
  strikes(what: string, times: number): boolean {
    if (times === Number.POSITIVE_INFINITY) return true;
    if (this.folder === undefined)
      throw new CannotCount(
        'times=N is counted over processes: give FAKE_CLAUDE_STATE a folder, or FAKE_CLAUDE_EFFECTS a file',
      );
    mkdirSync(this.folder, { recursive: true });
    const key = createHash('sha1').update(what).digest('hex').slice(0, 16);
    for (let nth = 1; nth <= times; nth += 1) {
      try {
        writeFileSync(join(this.folder, `fake-claude-${key}-${nth}`), '', { flag: 'wx' });
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
    return false;
  }
}
