import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { isRunning } from '../support/facts.js';

const watched = fileURLToPath(new URL('../../scripts/watched.mjs', import.meta.url));

/** Runs `sh -c script` under the watch, in a folder of its own. Its variable `attempt` counts from 1. */
async function underWatch(script: string, silenceMs: number): Promise<{ code: string; said: string; tried: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-watched-'));
  const tried = join(folder, 'tried');
  await writeFile(tried, '');
  const program = `
    import { runWatched } from ${JSON.stringify(watched)};
    const attempts = [1, 2, 3].map((attempt) => ({ env: { ...process.env, attempt } }));
    const args = ['-c', process.argv[1]];
    console.log(await runWatched('sh', args, { attempts, silenceMs: ${silenceMs}, pauseMs: 1 }));
  `;
  try {
    const counted = `echo "$attempt" >> '${tried}'; ${script}`;
    const { stdout, stderr } = await execa('node', ['--input-type=module', '-e', program, counted]);
    return { code: stdout, said: stderr, tried: (await readFile(tried, 'utf8')).trim().replaceAll('\n', ' ') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

it('a silent program is killed with all its children, and started again', async () => {
  // It prints the pid of its child and hangs; the second attempt succeeds.
  const { code, said, tried } = await underWatch('[ $attempt = 2 ] && exit 0; sleep 600 & echo "child $!"; wait', 300);
  expect({ code, tried }).toEqual({ code: '0', tried: '1 2' });
  expect(said).toContain('was silent for 0.3 s: attempt 1 of 3');
  const child = Number(/child (\d+)/.exec(said)?.[1]);
  expect(child).toBeGreaterThan(0);
  await expect.poll(() => isRunning(child)).toBe(false);
});

it('a program with output is not disturbed', async () => {
  const { code, tried } = await underWatch('for i in 1 2 3 4 5 6 7 8; do echo "$i"; sleep 0.2; done', 1_000);
  expect({ code, tried }).toEqual({ code: '0', tried: '1' });
});

it('a program that fails at each attempt fails', async () => {
  const { code, said, tried } = await underWatch('exit 7', 10_000);
  expect({ code, tried }).toEqual({ code: '1', tried: '1 2 3' });
  expect(said).toContain('sh failed (7): attempt 3 of 3');
});
