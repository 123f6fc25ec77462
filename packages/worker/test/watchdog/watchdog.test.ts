import { chmod, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@hearth/shared/internal';
import { expect, onTestFinished, test } from 'vitest';
import { Watchdog } from '../../src/watchdog/watchdog.js';

test('starts another watchdog after one died, also when the first starts fail', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-watchdog-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const [program, runs, beats] = [join(folder, 'watchdog.mjs'), join(folder, 'runs'), join(folder, 'beats')];
  await writeFile(
    program,
    `#!${process.execPath}
    import { appendFileSync, readFileSync } from 'node:fs';
    appendFileSync('${runs}', process.pid + '\\n');
    const run = readFileSync('${runs}', 'utf8').trim().split('\\n').length;
    if (run === 2) process.exit(1);
    console.log('ready');
    process.stdin.on('data', (text) => appendFileSync('${beats}', run + ' ' + text));
    process.stdin.on('end', () => process.exit(0));`,
  );
  await chmod(program, 0o755);
  const failures: string[] = [];
  const log = createLogger('test', 'error', {
    write: (line) => void (line.includes('watchdog.start_failed') && failures.push(line)),
  });
  const watchdog = new Watchdog('w', 1_000, log, [program]);
  await watchdog.start();
  watchdog.beat(7n);
  const pids = async (): Promise<number[]> => (await readFile(runs, 'utf8')).trim().split('\n').map(Number);
  const [first = -1] = await pids();

  await rename(program, `${program}.away`);
  process.kill(first, 'SIGKILL');
  await expect.poll(() => failures.length, { timeout: 20_000 }).toBeGreaterThan(1);
  expect(await pids()).toHaveLength(1);
  await rename(`${program}.away`, program);
  // The second ends at once. The third gets the last beat that the first had.
  await expect.poll(() => readFile(beats, 'utf8').catch(() => ''), { timeout: 20_000 }).toContain('3 beat 7\n');
  await watchdog.stop();
  expect(await pids()).toHaveLength(3);
});
