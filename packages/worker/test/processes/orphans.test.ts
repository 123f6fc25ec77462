import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@hearth/shared';
import { expect, test } from 'vitest';
import { tieToHome, untieFromHome } from '../../src/agent/home.js';
import { workerMark } from '../../src/processes/marked.js';
import { claimFolder, endOrphans } from '../../src/processes/orphans.js';

async function withWorkers(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-orphans-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const log = createLogger('test', 'silent');
const marked = (workerId: string) =>
  spawn('sleep', ['60'], { detached: true, stdio: 'ignore', env: { ...process.env, [workerMark]: workerId } });

test('what a dead incarnation left is ended, with its folder; what a living one has is not touched', async () => {
  await withWorkers(async (workers) => {
    const [mine, left] = [marked('w-lives'), marked('w-died')];
    const ends = once(left, 'exit');
    await claimFolder(join(workers, 'w-lives'));
    await claimFolder(join(workers, 'w-died'));
    // Its pid was given again since, to a process that started at another time.
    await writeFile(join(workers, 'w-died', 'process.json'), JSON.stringify({ pid: process.pid, startedTicks: '1' }));
    expect(await endOrphans(workers, log)).toBe(1);
    await ends;
    expect([existsSync(join(workers, 'w-lives')), existsSync(join(workers, 'w-died'))]).toEqual([true, false]);
    expect(mine.exitCode ?? mine.signalCode).toBeNull();
    mine.kill('SIGKILL');
    await once(mine, 'exit');
  });
});

test('the folder of a spare that no session took goes with its dead agent, one that was taken stays', async () => {
  await withWorkers(async (folder) => {
    const home = (agentId: string): string => join(folder, 'workers', 'w-died', 'agents', agentId);
    const placed = (agentId: string): string => join(folder, 'placed', agentId);
    for (const agentId of ['a-spare', 'a-taken']) {
      for (const made of [home(agentId), placed(agentId)]) await mkdir(made, { recursive: true });
      await tieToHome(home(agentId), placed(agentId));
    }
    await untieFromHome(home('a-taken'));
    await endOrphans(join(folder, 'workers'), log);
    expect(await readdir(join(folder, 'placed'))).toEqual(['a-taken']);
    expect(await readdir(join(folder, 'workers'))).toEqual([]);
  });
});

test('a home nobody has used yet holds no orphans', async () => {
  expect(await endOrphans('/nowhere/at/all', log)).toBe(0);
});
