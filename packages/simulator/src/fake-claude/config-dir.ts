import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Two live agents on one config dir: they tear `.claude.json`. */
export class TornConfig extends Error {
  override readonly name = 'TornConfig';
}

const ownerFile = 'fake-claude.pid';

/**
 * Takes a config dir for the life of the process. Concurrent writers tear the real one's `.claude.json` now and then (a
 * public report); here the second always fails, so that a host that shares the dir is found out by its first test.
 * @returns a function that gives it back
 * @throws TornConfig
 */
export function takeConfigDir(configDir: string): () => void {
  mkdirSync(configDir, { recursive: true });
  const file = join(configDir, ownerFile);
  const owner = ownerOf(file);
  if (owner !== undefined && isFakeClaude(owner))
    throw new TornConfig(
      `Error: ${join(configDir, '.claude.json')} is torn: Unexpected end of JSON input. Process ${owner} writes it too; give every agent a CLAUDE_CONFIG_DIR of its own.`,
    );
  writeFileSync(file, String(process.pid));
  return () => {
    if (ownerOf(file) === process.pid) rmSync(file, { force: true });
  };
}

function ownerOf(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** A pid may have gone to somebody else since. */
function isFakeClaude(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('fake-claude');
  } catch {
    return false;
  }
}
