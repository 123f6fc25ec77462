import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join, resolve } from 'node:path';
import { HearthError } from '@hearth/shared';

const npmPackage = '@anthropic-ai/claude-code';

export interface ClaudeBinary {
  /** Absolute, because agents are started in other folders. */
  path: string;
  /** Where it was found. */
  from: 'option' | 'PATH' | 'npm package';
}

/**
 * Finds the claude binary: the configured path, then `claude` on PATH, then the npm package.
 * @throws HearthError `claude_not_found`
 */
export function findClaude(configured: string | undefined, path = process.env['PATH'] ?? ''): ClaudeBinary {
  if (configured !== undefined) {
    if (isExecutable(configured)) return { path: resolve(configured), from: 'option' };
    throw new HearthError('claude_not_found', `There is no program at ${configured}.`, {
      field: 'claudePath',
      expected: 'the path of an executable claude binary',
      wayOut: 'Correct claudePath (or HEARTH_CLAUDE_PATH), or leave it out to search PATH and the npm package.',
    });
  }
  for (const folder of path.split(delimiter)) {
    const candidate = join(folder, 'claude');
    if (folder !== '' && isExecutable(candidate)) return { path: resolve(candidate), from: 'PATH' };
  }
  const packaged = findPackaged();
  if (packaged !== undefined) return { path: packaged, from: 'npm package' };
  throw new HearthError('claude_not_found', 'The claude binary was not found.', {
    field: 'claudePath',
    expected: `claude on PATH, or the npm package ${npmPackage}`,
    wayOut: `Install it with \`npm install -g ${npmPackage}\`, or set claudePath (HEARTH_CLAUDE_PATH).`,
  });
}

/**
 * Finds the binary in the optional platform package. The post-install script of the main package links it, but package managers that
 * block such scripts leave it unlinked.
 */
function findPackaged(): string | undefined {
  const platforms = [`${process.platform}-${process.arch}`, `${process.platform}-${process.arch}-musl`];
  try {
    const require = createRequire(import.meta.url);
    const main = createRequire(require.resolve(`${npmPackage}/package.json`));
    for (const platform of platforms) {
      try {
        const folder = dirname(main.resolve(`${npmPackage}-${platform}/package.json`));
        const candidate = join(folder, process.platform === 'win32' ? 'claude.exe' : 'claude');
        if (existsSync(candidate)) return candidate;
      } catch {
        // The package for this platform is not installed.
      }
    }
  } catch {
    // The main package is not installed.
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
