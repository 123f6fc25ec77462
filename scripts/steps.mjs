/** The first steps of `npm start`, `npm test` and `npm run bench`, on a machine with only Node and npm. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildConsole } from './console.mjs';
import { runWatched } from './watched.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Tools of the workspace, by path: pnpm may not be on PATH. */
export const tool = (name) => join(root, 'node_modules', '.bin', name);

/**
 * Runs a program with its output on stderr, because stdout belongs to the program that is started last. Returns its exit code.
 * Ctrl-C in a terminal reaches the program by itself; a SIGTERM reaches this process alone and is passed on. package.json says
 * `exec node …` for that: npm signals the shell, which would die without passing it on.
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 2, 2],
      // npm's tools are .cmd files on Windows.
      shell: process.platform === 'win32',
      ...options,
    });
    const passOn = (signal) => child.kill(signal);
    process.on('SIGTERM', passOn);
    child.on('error', (error) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      resolve(1);
    });
    child.on('exit', (code, signal) => {
      process.off('SIGTERM', passOn);
      // The exit code that a shell reports: that of the program, or 128 and the number of the signal.
      resolve(code ?? 128 + (constants.signals[signal] ?? 0));
    });
  });
}

/**
 * The environment of the compiler and of the linter with types, both written in Go: one thread and a rarer garbage collection
 * halve what they take (16 to 8 s of processor time each) at less than 1 GB.
 */
export const frugal = { ...process.env, GOMAXPROCS: '1', GOGC: '400' };

/** Runs a named step, prints its duration, and ends the process when it fails. */
export async function step(name, work) {
  const startedAt = performance.now();
  const code = await work();
  told(name, code, startedAt);
  if (code !== 0) await end(code);
}

/**
 * Runs several programs side by side, each with a name. Shows what a program printed only when it failed, and ends the
 * process then.
 */
export async function check(programs) {
  const codes = await Promise.all(
    Object.entries(programs).map(async ([name, [command, args, options = {}]]) => {
      const startedAt = performance.now();
      const { code, output } = await capture(command, args, options);
      if (code !== 0) process.stderr.write(output);
      told(name, code, startedAt);
      return code;
    }),
  );
  const failed = codes.find((code) => code !== 0);
  if (failed !== undefined) await end(failed);
}

/** Ends this process when its reader has taken what the failed programs printed. */
async function end(code) {
  await new Promise((taken) => process.stderr.write('', taken));
  process.exit(code);
}

function capture(command, args, options) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
      ...options,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', (error) => resolve({ code: 1, output: `${command}: ${error.message}\n` }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

function told(name, code, startedAt) {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stderr.write(`${code === 0 ? '✓' : '✗'} ${name} (${seconds} s)\n`);
}

/** Installs when nothing is installed yet, or when the lock file has changed. */
export async function install() {
  const stamp = join(root, 'node_modules', '.hearth-installed');
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'pnpm-lock.yaml')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  // CI: no prompts. --prod=false: the build needs development tools under NODE_ENV=production, too.
  // npm passes the log level of .npmrc on to its children.
  const env = { ...process.env, CI: 'true', npm_config_loglevel: 'notice' };
  const args = ['--yes', packageManager, 'install', '--frozen-lockfile', '--prod=false'];
  // pnpm keeps what it has downloaded for the next attempt. npx gets a new cache for it, because a stale lock in the usual
  // one would block again.
  const cache = mkdtempSync(join(tmpdir(), 'hearth-npx-'));
  const again = { cwd: root, env: { ...env, npm_config_cache: cache } };
  const attempts = [{ cwd: root, env }, again, again, again];
  try {
    await step('install', () => runWatched('npx', args, { attempts, silenceMs: 120_000, pauseMs: 5_000 }));
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
  writeFileSync(stamp, lock);
}

export async function build() {
  await step('build', () => run(tool('tsc'), ['-b', '--singleThreaded'], { env: frugal }));
  await step('build the console', () => buildConsole(run));
  await bundle('hearth-claude');
}

/** The programs that tests start again and again. */
export const bundledForTests = ['hearth', 'worker', 'fake-claude'];

/** Makes one file of each of these programs (bundle.mjs). */
export const bundle = (...names) =>
  step(`bundle ${names.join(', ')}`, () => run(process.execPath, [join(root, 'scripts', 'bundle.mjs'), ...names]));
