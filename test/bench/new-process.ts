import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createProducer } from '@hearth/producer';
import { findClaude } from '@hearth/worker/internal';
import { execa } from 'execa';
import { type Bench, quantile, row } from './bench.js';

const rounds = 12;

/** A whole hot turn, compared with a new `claude -p` for each message. */
export async function newProcess({ redisUrl, env, folder }: Bench): Promise<void> {
  const producer = createProducer({ redisUrl });
  const session = producer.session('bench-whole');
  await (await session.prompt('warm up')).result();
  const config = join(folder, 'cold-config');
  const workspace = join(folder, 'cold-workspace');
  await mkdir(workspace, { recursive: true });
  const hot: number[] = [];
  const cold: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    cold.push(
      await timed(() =>
        execa(findClaude(undefined).path, ['-p', '--output-format', 'json', `round ${round}`], {
          cwd: workspace,
          env: { ...env, CLAUDE_CONFIG_DIR: config },
          stdin: 'ignore',
        }),
      ),
    );
    hot.push(await timed(async () => (await session.prompt(`round ${round}`)).result()));
  }
  await producer.close();
  console.log('whole turn: prompt submitted → result');
  console.log(row('a new claude -p per message', cold));
  console.log(row('hot turn through Hearth', hot));
  console.log(`  a hot turn is ${(quantile(cold, 0.5) / quantile(hot, 0.5)).toFixed(1)} × faster (goal ≥ 15)\n`);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
