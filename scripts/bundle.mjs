/**
 * `node scripts/bundle.mjs <name>…`: makes one file of a program and all modules it imports, because a short-lived process spends
 * most of its time on finding and reading some hundred modules. The bundle is used only while it is newer than the build.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const packages = join(root, 'packages');

const shebang = '#!/usr/bin/env node';

const programs = {
  // The external part is loaded only where no cluster runs.
  'hearth-claude': { folder: 'drop-in', main: 'main.js', external: ['@hearth/worker/internal'], minify: true },
  // Only tests use these, because they start each of them hundreds of times.
  hearth: { folder: 'cli', main: 'main.js' },
  worker: { folder: 'worker', main: 'main.js', isCached: true },
  'fake-claude': { folder: 'simulator', main: 'fake-claude/main.js' },
};

async function bundle(name) {
  const { folder, main, external = [], minify = false, isCached = false } = programs[name];
  const dist = join(packages, folder, 'dist');
  const target = join(dist, 'bundle');
  const made = await rolldown({
    input: join(dist, main),
    platform: 'node',
    external,
    plugins: [keepLocations(target, isCached ? 'bundledAt' : 'import.meta.url')],
    logLevel: 'warn',
  });
  rmSync(target, { recursive: true, force: true });
  if (isCached) await writeCached(made, target, name);
  else await made.write({ dir: target, format: 'esm', minify, entryFileNames: `${name}.js`, banner: shebang });
  await made.close();
  chmodSync(join(target, isCached ? `${name}.cjs` : `${name}.js`), 0o755);
}

/** Writes a program that starts from V8's code cache (run-from-cache.cjs), and runs it once to fill the cache. */
async function writeCached(made, target, name) {
  const banner = "const bundledAt = require('node:url').pathToFileURL(__filename);";
  await made.write({ dir: target, format: 'cjs', codeSplitting: false, entryFileNames: 'code.cjs', banner });
  copyFileSync(join(root, 'scripts', 'run-from-cache.cjs'), join(target, `${name}.cjs`));
  try {
    execFileSync(process.execPath, [join(target, `${name}.cjs`), '--fill-code-cache'], { stdio: 'ignore' });
  } catch {
    // The program knows no such option and says so, which is as far as its start has to come.
  }
}

/** A module that looks for files beside itself (the Lua scripts) still looks in its original folder. */
function keepLocations(target, here) {
  return {
    name: 'keep-locations',
    transform(code, id) {
      const path = JSON.stringify(relative(target, id));
      return code.includes('import.meta.url')
        ? code.replaceAll('import.meta.url', `new URL(${path}, ${here}).href`)
        : null;
    },
  };
}

for (const name of process.argv.slice(2)) await bundle(name);
