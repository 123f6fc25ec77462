/** `pnpm bench`: runs all benchmarks, or the named ones. Compare ratios; milliseconds depend on the machine. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startLocalRedis } from '@hearth/local-redis';
import { modelApiEnvironment } from '@hearth/simulator';
import type { Bench } from './bench.js';
import { hotTurn } from './hot-turn.js';
import { newProcess } from './new-process.js';

const benches: Record<string, (bench: Bench) => Promise<void>> = { 'hot-turn': hotTurn, 'new-process': newProcess };

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const unknown = wanted.filter((name) => benches[name] === undefined);
if (unknown.length > 0) {
  process.stderr.write(`No benchmark ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}.\n`);
  process.exit(2);
}

const folder = await mkdtemp(join(tmpdir(), 'hearth-bench-'));
const redis = await startLocalRedis({ dataDir: join(folder, 'redis') });
const cleanups: (() => Promise<unknown>)[] = [];

/** Starts a program and waits for its first line of JSON. */
async function program(path: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Record<string, string>> {
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'ignore'], env });
  const exited = once(child, 'exit');
  cleanups.push(() => {
    child.kill('SIGTERM');
    return exited;
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return JSON.parse(line) as Record<string, string>;
}

try {
  // The model runs in a process of its own, so that it does not share the event loop of the benchmark.
  const simulator = fileURLToPath(new URL('main.js', import.meta.resolve('@hearth/simulator')));
  const { url = '' } = await program(simulator, ['--json'], process.env);
  const env = {
    ...process.env,
    ...modelApiEnvironment(url),
    REDIS_URL: redis.url,
    HEARTH_HOME: folder,
    HEARTH_LOG_LEVEL: 'info',
  };
  await program(fileURLToPath(import.meta.resolve('@hearth/worker/main')), [], env);
  for (const [name, run] of Object.entries(benches)) {
    if (wanted.length === 0 || wanted.includes(name)) await run({ redisUrl: redis.url, env, folder });
  }
} finally {
  for (const cleanup of cleanups.reverse()) await cleanup();
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
}
