/**
 * Makes one file of hearth-claude and what it uses: a process that lives for one call spends most of its own time on finding and
 * reading some hundred modules. Its bin takes it while it is no older than the build.
 */
import { rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const dropIn = join(dirname(dirname(fileURLToPath(import.meta.url))), 'packages', 'drop-in');
const folder = join(dropIn, 'dist', 'bundle');

/** Modules that look for files beside themselves (the Lua scripts) go on looking where they were. */
const whereItWas = {
  name: 'where-it-was',
  transform(code, id) {
    const path = JSON.stringify(relative(folder, id));
    return code.includes('import.meta.url')
      ? code.replaceAll('import.meta.url', `new URL(${path}, import.meta.url).href`)
      : null;
  },
};

const bundle = await rolldown({
  input: join(dropIn, 'dist', 'main.js'),
  platform: 'node',
  // Only where there is no cluster: the real claude is looked for.
  external: ['@hearth/worker/internal'],
  plugins: [whereItWas],
});
rmSync(folder, { recursive: true, force: true });
await bundle.write({ dir: folder, format: 'esm', minify: true, entryFileNames: 'hearth-claude.js' });
await bundle.close();
