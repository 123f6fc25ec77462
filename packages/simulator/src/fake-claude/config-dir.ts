import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Two live agents use one config dir, so `.claude.json` is torn. */
export class TornConfig extends Error {
  override readonly name = 'TornConfig';
}

const ownerFile = 'fake-claude.pid';

/**
 * Takes a config dir for the life of the process. With the real CLI concurrent writers tear `.claude.json` sometimes (a public report). Here
 * the second process always fails, so that a host that shares the folder fails its first test.
 *
 * @returns a function that releases it
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

/** Whether the process lives. Its pid may have been reused. */
function isFakeClaude(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('fake-claude');
  } catch {
    return false;
  }
}
