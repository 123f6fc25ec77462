import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Vitest runs this file from its source; the bench and the fault suite run what `tsc` made of it. */
const root = import.meta.url.endsWith('.ts') ? '../..' : '../../..';
const packages = new URL(`${root}/packages/`, import.meta.url);
const madeAt = (path: string): number => statSync(new URL(path, packages), { throwIfNoEntry: false })?.mtimeMs ?? 0;

const parts = ['shared', 'producer', 'worker', 'gateway', 'simulator', 'local-redis', 'cli'];
const builtAt = Math.max(...parts.map((part) => madeAt(`${part}/dist/.tsbuildinfo`)));

/**
 * The program as one file, which starts in half the time: the gate makes it. Without it, or when a build is newer, the program
 * as it is built.
 */
function program(bundle: string, built: string): string {
  return fileURLToPath(new URL(madeAt(bundle) > builtAt ? bundle : built, packages));
}

export const workerProgram = program('worker/dist/bundle/worker.cjs', 'worker/dist/main.js');
export const hearthProgram = program('cli/dist/bundle/hearth.js', 'cli/dist/main.js');
export const fakeClaude = program('simulator/dist/bundle/fake-claude.js', 'simulator/bin/fake-claude.js');
export const gatewayProgram = fileURLToPath(new URL('gateway/dist/main.js', packages));
/** `hearth-claude`, as a path to set in place of claude's. */
export const dropIn = fileURLToPath(new URL('drop-in/bin/hearth-claude.js', packages));
