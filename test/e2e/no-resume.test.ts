import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';
import { fakeClaude } from '../support/programs.js';

/** A fake-claude whose every resume dies at once while a file beside it exists. */
async function withoutResume(cluster: Cluster): Promise<string> {
  const path = join(await cluster.folder(), 'claude');
  const refuse = 'case " $* " in *" --resume "*) echo "no past today" >&2; exit 1;; esac';
  await writeFile(path, `#!/bin/sh\n${refuse}\nexec "${process.execPath}" "${fakeClaude}" "$@"\n`);
  await chmod(path, 0o755);
  return path;
}

test('a session that no worker can resume fails after every worker has tried; other sessions are served', async () => {
  await withCluster(async (cluster) => {
    const env = { HEARTH_CLAUDE_PATH: await withoutResume(cluster), HEARTH_IDLE_TIMEOUT_MS: '200' };
    const workers = await Promise.all([cluster.worker({ env }), cluster.worker({ env })]);
    const producer = cluster.producer();
    const broken = producer.session('broken');
    await (await broken.prompt('Remember the number 1.')).result();
    await Promise.race(workers.map((worker) => worker.logged(({ event }) => event === 'session.released')));
    // Two turns of a sleeping session: both fail.
    const turns = [await broken.prompt('What number did I ask you to remember?'), await broken.prompt('hello')];
    for (const turn of turns) {
      await expect(turn.result()).rejects.toMatchObject({
        code: 'agent_start_failed',
        message: expect.stringContaining('no past today'),
      });
    }
    const claims = workers.flatMap(({ log }) => log.filter(({ event }) => event === 'session.claimed'));
    // The first turn of all, and for each of the two at most one attempt per worker and back.
    expect(claims.length).toBeLessThanOrEqual(1 + 2 * 3);

    for (const name of ['a', 'b', 'c', 'd']) {
      const { warmth } = await (await producer.session(name).prompt('hello')).result();
      expect(['spare', 'cold']).toContain(warmth);
    }
    // A successful start ends the report; the record is renewed at intervals.
    await expect
      .poll(async () => (await producer.workers()).map(({ profiles }) => profiles['default']), { timeout: 30_000 })
      .toEqual(['ok', 'ok']);
  });
});

test('an agent that is killed during its resume is replaced, and its session is not affected', async () => {
  await withCluster(async (cluster) => {
    const folder = await cluster.folder();
    const path = join(folder, 'claude');
    // The first resume of all dies.
    const accident = `case " $* " in *" --resume "*) mkdir "${folder}/once" 2>/dev/null && exit 1;; esac`;
    await writeFile(path, `#!/bin/sh\n${accident}\nexec "${process.execPath}" "${fakeClaude}" "$@"\n`);
    await chmod(path, 0o755);
    const worker = await cluster.worker({ env: { HEARTH_CLAUDE_PATH: path, HEARTH_IDLE_TIMEOUT_MS: '200' } });
    const session = cluster.producer().session('s');
    await (await session.prompt('Remember the number 2.')).result();
    await worker.logged(({ event }) => event === 'session.released');
    const result = await (await session.prompt('What number did I ask you to remember?')).result();
    expect(result).toMatchObject({ text: 'You asked me to remember the number 2.', warmth: 'resumed', attempt: 1 });
  });
});
