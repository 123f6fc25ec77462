/** HEARTH_HOME that cannot be used, from the start or in the middle of the work. */
import { rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';
import { hearth } from '../support/command.js';
import { eventually } from '../support/facts.js';
import { startGateway } from '../support/gateway.js';
import { dropIn, workerProgram } from '../support/programs.js';
import { shareCluster } from '../support/shared-cluster.js';
import { withoutCredentials } from './start.js';

const shared = shareCluster();

async function fileInItsPlace(cluster: Cluster): Promise<string> {
  const file = join(await cluster.folder(), 'home');
  await writeFile(file, '');
  return file;
}

const run = (program: string, args: readonly string[], env: NodeJS.ProcessEnv) =>
  execa(process.execPath, [program, ...args], { env, extendEnv: false, reject: false, stdin: 'ignore' });

test('up and a worker name the folder and the way out, and exit', async () => {
  const { cluster } = shared();
  const HEARTH_HOME = await fileInItsPlace(cluster);
  const up = await hearth(['up', '--demo'], { ...withoutCredentials(cluster), HEARTH_HOME });
  expect(up).toMatchObject({ code: 1, stderr: expect.stringContaining(`home_unusable: ${HEARTH_HOME} is a file`) });
  const worker = await run(workerProgram, [], { ...cluster.env, HEARTH_HOME });
  expect(worker.exitCode).toBe(2);
  expect(JSON.parse(worker.stderr.split('\n').at(-1) ?? '')).toMatchObject({
    event: 'worker.failed',
    msg: expect.stringMatching(/^home_unusable: .*home is a file.* Set HEARTH_HOME to such a folder\.$/),
  });
  const without = await hearth(['up', '--demo'], { ...withoutCredentials(cluster), HEARTH_HOME: '', HOME: '' });
  expect(without).toMatchObject({ code: 1, stderr: expect.stringMatching(/home_unusable: .*HOME is not set/) });
});

test('hearth-claude answers, and warns that --continue will not find the session', async () => {
  const { cluster } = shared();
  const HEARTH_HOME = await fileInItsPlace(cluster);
  const { exitCode, stdout, stderr } = await run(dropIn, ['-p', 'hello'], { ...cluster.env, HEARTH_HOME });
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'Echo: hello' });
  expect(stderr).toMatch(/^warning: --continue will not find this session: home_unusable: /);
});

test('a worker on a full disk is not ready until there is room, says so once, and its sessions go on', async () => {
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ claude: 'fake' });
    const gateway = await startGateway(cluster);
    const producer = cluster.producer();
    const stateIs = (state: string) => eventually(async () => (await producer.workers())[0]?.state === state);
    const ready = async (): Promise<number> => (await fetch(`${gateway.url}/readyz`)).status;
    await (await producer.session('owned').prompt('hello')).result();
    expect(await ready()).toBe(200);
    // Every write to /dev/full fails with ENOSPC.
    const probe = join(worker.home, 'workers', worker.workerId, '.probe');
    await symlink('/dev/full', probe);
    const fault = await worker.logged(({ event }) => event === 'home.unusable');
    expect(fault).toMatchObject({ level: 'error', err: { code: 'disk_full', wayOut: expect.any(String) } });
    await stateIs('not_ready');
    expect(await ready()).toBe(503);
    const waiting = await producer.session('new').prompt('wait');
    expect(await (await producer.session('owned').prompt('still there?')).result()).toMatchObject({ warmth: 'hot' });
    expect((await producer.session('new').turn(1))?.result).toBeUndefined();
    await rm(probe);
    expect(await waiting.result()).toMatchObject({ text: 'Echo: wait' });
    await stateIs('serving');
    expect(await ready()).toBe(200);
    expect(worker.log.filter(({ event }) => String(event).startsWith('home.')).map(({ event }) => event)).toEqual([
      'home.unusable',
      'home.usable',
    ]);
  });
});
