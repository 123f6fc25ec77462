import { randomUUID } from 'node:crypto';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { eventually } from '../support/facts.js';

const limitBytes = 1024 * 1024 * 1024;
const program = fileURLToPath(new URL('../dist/fixtures/contained-worker.js', import.meta.url));

/** A memory cgroup (v1) with a limit. Undefined where none can be made. */
async function limitedCgroup(): Promise<string | undefined> {
  const folder = `/sys/fs/cgroup/memory/hearth-test-${randomUUID()}`;
  try {
    await mkdir(folder);
    await writeFile(`${folder}/memory.limit_in_bytes`, String(limitBytes));
    return folder;
  } catch {
    return undefined;
  }
}

test('a worker in a container of 1 GiB has slots for it, and reports an agent that the kernel killed, once', async (context) => {
  const cgroup = await limitedCgroup();
  if (cgroup === undefined) return context.skip('no memory cgroup (v1) can be made here');
  // It is busy until the last process has left it.
  onTestFinished(
    async () =>
      void (await eventually(async () =>
        rmdir(cgroup)
          .then(() => true)
          .catch(() => false),
      )),
  );
  await withCluster(async (cluster) => {
    const env = { HEARTH_TEST_CGROUP: cgroup, HEARTH_SLOTS: '', HEARTH_AGENT_HARD_MEMORY_MB: '100000' };
    await cluster.worker({ claude: 'fake', program, profiles: { default: { spares: 0 } }, env });
    const [record] = await cluster.leases.workers();
    expect(record?.slots.total).toBe(2);
    const session = cluster.producer().session('s');
    await (await session.prompt('Remember the number 6.')).result();
    const turn = await session.prompt('[[grow by=300MB to=1500MB]] [[hang]]');
    await expect(turn.result()).rejects.toMatchObject({
      code: 'agent_out_of_memory',
      message: 'The kernel killed the agent: the memory of 1024 MB was used up.',
      result: { attempt: 1 },
    });
    const after = await (await session.prompt('What number did I ask you to remember?')).result();
    expect(after).toMatchObject({ text: 'You asked me to remember the number 6.', warmth: 'resumed' });
  });
});
