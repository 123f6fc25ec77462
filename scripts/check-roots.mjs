/**
 * Holds two rules no linter here has: only composition roots (files named main.ts) touch `process.on` and `process.exit`, and
 * packages import each other only in the design's direction, only by name (cli → worker, producer, simulator, local-redis → shared).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from './steps.mjs';

const allowed = {
  shared: [],
  simulator: [],
  'local-redis': [],
  producer: ['shared'],
  worker: ['shared'],
  gateway: ['shared', 'producer'],
  cli: ['shared', 'producer', 'worker', 'gateway', 'simulator', 'local-redis'],
};

const faults = [];
for (const [name, imports] of Object.entries(allowed)) {
  for (const file of sources(join(root, 'packages', name, 'src'))) {
    const text = readFileSync(file, 'utf8');
    const at = relative(root, file);
    const isRoot = file.endsWith('/main.ts');
    for (const [index, line] of text.split('\n').entries()) {
      const say = (fault) => faults.push(`${at}:${index + 1} ${fault}`);
      if (!isRoot && /\bprocess\.(on|once|exit)\(/.test(line))
        say('only a root (main.ts) touches process.on and process.exit');
      const sibling = /from '@hearth\/([^']+)'/.exec(line)?.[1];
      if (sibling !== undefined && !imports.includes(sibling)) say(`${name} does not import ${sibling}`);
      if (/from '[./]+\/packages\//.test(line) || /from '(\.\.\/)+[a-z-]+\/(src|dist)\//.test(line))
        say('packages are imported by name');
    }
  }
}
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.exit(faults.length === 0 ? 0 : 1);

function sources(folder) {
  try {
    return readdirSync(folder, { recursive: true })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}
