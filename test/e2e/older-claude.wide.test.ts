import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sessionFolder } from '@hearth/shared/internal';
import { findClaude } from '@hearth/worker/internal';
import { expect, test } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';
import type { TestWorker } from '../support/worker.js';

/** Claude Code's error for an unknown flag (2.1.197: --await-claim); everything else is the real CLI. */
async function claudeWithout(cluster: Cluster, flags: readonly string[]): Promise<string> {
  const claude = join(await cluster.folder(), 'claude');
  const refusals = flags.map(
    (flag) => `  if [ "$argument" = ${flag} ]; then echo "error: unknown option '${flag}'" >&2; exit 1; fi`,
  );
  const script = [
    '#!/bin/sh',
    'for argument in "$@"; do',
    ...refusals,
    'done',
    `exec ${findClaude(undefined).path} "$@"`,
  ];
  await writeFile(claude, `${script.join('\n')}\n`);
  await chmod(claude, 0o755);
  return claude;
}

test('spares of a claude that cannot park run in folders that become the workspaces of sessions', async () => {
  await withCluster(async (cluster) => {
    const claude = await claudeWithout(cluster, ['--await-claim']);
    const worker = await cluster.worker({
      env: { HEARTH_CLAUDE_PATH: claude },
      profiles: { default: { allowedTools: ['Bash'] } },
    });
    const session = cluster.producer().session('Older');
    const first = await (await session.prompt('[[tool Bash {"command":"echo kept > note.txt"}]]')).result();
    expect(first).toMatchObject({ warmth: 'spare', toolCount: 1 });
    const workspace = join(
      worker.home,
      'workspaces',
      sessionFolder('Older'),
      (await session.summary())?.incarnation ?? '',
    );
    expect(await readFile(join(workspace, 'note.txt'), 'utf8')).toBe('kept\n');
    process.kill(first.pid ?? 0, 'SIGKILL');
    await worker.logged(({ event }) => event === 'session.released');
    const resumed = await (await session.prompt('[[tool Bash {"command":"cat note.txt"}]]')).result();
    expect(resumed).toMatchObject({ warmth: 'resumed', text: expect.stringContaining('kept') });
  });
});

test('the transcripts of a claude that mirrors nothing are read from its files, and its sessions resume', async () => {
  await withCluster(async (cluster) => {
    const claude = await claudeWithout(cluster, ['--await-claim', '--session-mirror']);
    const worker = await cluster.worker({ env: { HEARTH_CLAUDE_PATH: claude } });
    const session = cluster.producer().session('s');
    expect(await (await session.prompt('Remember the number 14.')).result()).toMatchObject({ durable: true });
    const tooled = await (await session.prompt('[[tool Bash {"command":"echo a"}]] and a tool')).result();
    expect(tooled).toMatchObject({ durable: true, warmth: 'hot' });
    process.kill(tooled.pid ?? 0, 'SIGKILL');
    await worker.logged(({ event }) => event === 'session.released');
    const recall = 'What number did I ask you to remember?';
    const first = await (await session.prompt(recall)).result();
    expect(first).toMatchObject({ warmth: 'resumed', durable: true, text: 'You asked me to remember the number 14.' });
    // Entries added to the file of the resume are part of the transcript, too.
    process.kill(first.pid ?? 0, 'SIGKILL');
    await worker.logged(({ event, seq }) => event === 'turn.finished' && seq === 3);
    const second = await (await session.prompt(recall)).result();
    expect(second).toMatchObject({ warmth: 'resumed', text: 'You asked me to remember the number 14.' });
    const main = (await session.transcript()).get('main') ?? '';
    expect(main.split('What number did I ask').length).toBeGreaterThanOrEqual(3);
  });
});

/** A worker whose agents are fake-claude as a CLI that cannot park spares. */
const olderWorker = (cluster: Cluster): Promise<TestWorker> =>
  cluster.worker({
    claude: 'fake',
    profiles: { default: { allowedTools: ['Bash'], env: { FAKE_CLAUDE_VERSION: '2.1.197' } } },
  });

const note = '[[tool Bash {"command":"echo kept > note.txt"}]]';

test('a closed session whose workspace was the folder of a spare leaves no file, nor does an unused spare', async () => {
  await withCluster(async (cluster) => {
    const worker = await olderWorker(cluster);
    const session = cluster.producer().session('s');
    expect(await (await session.prompt(note)).result()).toMatchObject({ warmth: 'spare', toolCount: 1 });
    const workspaces = join(worker.home, 'workspaces');
    const files = async (): Promise<string[]> => readdir(workspaces, { recursive: true });
    expect(await files()).toContainEqual(expect.stringMatching(/note\.txt$/));
    expect(await session.close()).toBe(true);
    expect(await files()).not.toContainEqual(expect.stringMatching(/note\.txt$/));
    expect(await worker.stop()).toBe(0);
    expect((await files()).filter((name) => name !== '+placed')).toEqual([]);
  });
});

test('an agent without parking that dies before the first commit is replaced, in the same workspace', async () => {
  await withCluster(async (cluster) => {
    await olderWorker(cluster);
    const session = cluster.producer().session('s');
    const lost = await session.prompt(`${note} [[crash after-tool signal=SIGKILL]]`);
    await expect(lost.result()).rejects.toMatchObject({ code: 'interrupted' });
    const next = await (await session.prompt('[[tool Bash {"command":"cat note.txt"}]]')).result();
    expect(next.text).toContain('kept');
    expect(await session.close()).toBe(true);
  });
});
