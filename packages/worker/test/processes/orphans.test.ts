import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@hearth/shared/internal';
import { expect, test } from 'vitest';
import { tieToHome, untieFromHome } from '../../src/processes/agent-home.js';
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
const nobodyKnown = async (): Promise<boolean> => false;
const marked = (workerId: string) =>
  spawn('sleep', ['60'], { detached: true, stdio: 'ignore', env: { ...process.env, [workerMark]: workerId } });

/** Changes the process record of a folder. */
async function change(folder: string, to: object): Promise<void> {
  const path = join(folder, 'process.json');
  await writeFile(path, JSON.stringify({ ...(JSON.parse(await readFile(path, 'utf8')) as object), ...to }));
}

test('removes what a dead incarnation left, and keeps what a live one has', async () => {
  await withWorkers(async (workers) => {
    const [mine, left] = [marked('w-lives'), marked('w-died')];
    const ends = once(left, 'exit');
    await claimFolder(join(workers, 'w-lives'));
    await claimFolder(join(workers, 'w-died'));
    // Its pid was reused by a process that started at another time.
    await change(join(workers, 'w-died'), { startedTicks: '1' });
    expect(await endOrphans(workers, nobodyKnown, log)).toBe(1);
    await ends;
    expect([existsSync(join(workers, 'w-lives')), existsSync(join(workers, 'w-died'))]).toEqual([true, false]);
    expect(mine.exitCode ?? mine.signalCode).toBeNull();
    mine.kill('SIGKILL');
    await once(mine, 'exit');
  });
});

test('removes the folder of an unused spare with its dead agent, and keeps one that a session took', async () => {
  await withWorkers(async (folder) => {
    const home = (agentId: string): string => join(folder, 'workers', 'w-died', 'agents', agentId);
    const placed = (agentId: string): string => join(folder, 'placed', agentId);
    for (const agentId of ['a-spare', 'a-taken']) {
      for (const made of [home(agentId), placed(agentId)]) await mkdir(made, { recursive: true });
      await tieToHome(home(agentId), placed(agentId));
    }
    await untieFromHome(home('a-taken'));
    await endOrphans(join(folder, 'workers'), nobodyKnown, log);
    expect(await readdir(join(folder, 'placed'))).toEqual(['a-taken']);
    expect(await readdir(join(folder, 'workers'))).toEqual([]);
  });
});

test.each([
  { what: 'on another host', record: { host: 'elsewhere' } },
  { what: 'in another container', record: { pidNamespace: 'pid:[1]' } },
])('a worker $what that shares the home cannot be seen from here: it is dead when its lease is', async ({ record }) => {
  await withWorkers(async (workers) => {
    for (const workerId of ['w-away', 'w-gone']) {
      await claimFolder(join(workers, workerId));
      await change(join(workers, workerId), { ...record, pid: 999_999_999 });
    }
    await endOrphans(workers, async (workerId) => workerId === 'w-gone', log);
    expect(await readdir(workers)).toEqual(['w-away']);
  });
});

test('never shows a folder without its process record', async () => {
  await withWorkers(async (workers) => {
    let isClaiming = true;
    const withoutRecord: string[] = [];
    const looking = (async () => {
      while (isClaiming)
        for (const workerId of await readdir(workers))
          if (!workerId.startsWith('.') && !existsSync(join(workers, workerId, 'process.json')))
            withoutRecord.push(workerId);
    })();
    for (let at = 0; at < 200; at += 1) await claimFolder(join(workers, `w-${at}`));
    isClaiming = false;
    await looking;
    expect(withoutRecord).toEqual([]);
    await endOrphans(workers, nobodyKnown, log);
    expect(await readdir(workers)).toHaveLength(200);
  });
});

test('finds no orphans in a new home', async () => {
  expect(await endOrphans('/nowhere/at/all', nobodyKnown, log)).toBe(0);
});
