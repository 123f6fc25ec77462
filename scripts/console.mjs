/** Builds the console's page with Vite, unless it was built from the same sources before. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../packages/console', import.meta.url));
const stamp = join(folder, 'dist', '.built-from');

/** `run` starts a program and resolves with its exit code. */
export async function buildConsole(run) {
  const digest = digestOf(['src', 'index.html', 'vite.config.ts', 'package.json', '../../pnpm-lock.yaml']);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return 0;
  const vite = join(folder, 'node_modules', '.bin', 'vite');
  const code = await run(vite, ['build', '--logLevel', 'warn'], { cwd: folder });
  if (code === 0) writeFileSync(stamp, digest);
  return code;
}

function digestOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths.flatMap(filesOf))
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(join(folder, path)));
  return hash.digest('hex');
}

/** A file, or all files of a folder. */
function filesOf(path) {
  if (path.includes('.')) return [path];
  return readdirSync(join(folder, path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
