/**
 * `node scripts/bundle.mjs <name>…`: makes one file of a program and all modules it imports, because a short-lived process spends
 * most of its time on finding and reading some hundred modules. The bundle is used only while it is newer than the build.
 */
import { chmodSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const packages = join(dirname(dirname(fileURLToPath(import.meta.url))), 'packages');

const programs = {
  // The external part is loaded only where no cluster runs.
  'hearth-claude': { folder: 'drop-in', main: 'main.js', external: ['@hearth/worker/internal'], minify: true },
  // Only tests use these, because they start each of them hundreds of times.
  hearth: { folder: 'cli', main: 'main.js' },
  worker: { folder: 'worker', main: 'main.js' },
  'fake-claude': { folder: 'simulator', main: 'fake-claude/main.js' },
};

async function bundle(name) {
  const { folder, main, external = [], minify = false } = programs[name];
  const dist = join(packages, folder, 'dist');
  const target = join(dist, 'bundle');
  const made = await rolldown({
    input: join(dist, main),
    platform: 'node',
    external,
    plugins: [keepLocations(target)],
    logLevel: 'warn',
  });
  rmSync(target, { recursive: true, force: true });
  const entryFileNames = `${name}.js`;
  await made.write({ dir: target, format: 'esm', minify, entryFileNames, banner: '#!/usr/bin/env node' });
  await made.close();
  chmodSync(join(target, entryFileNames), 0o755);
}

/** A module that looks for files beside itself (the Lua scripts) still looks in its original folder. */
function keepLocations(target) {
  return {
    name: 'keep-locations',
    transform(code, id) {
      const path = JSON.stringify(relative(target, id));
      return code.includes('import.meta.url')
        ? code.replaceAll('import.meta.url', `new URL(${path}, import.meta.url).href`)
        : null;
    },
  };
}

for (const name of process.argv.slice(2)) await bundle(name);
