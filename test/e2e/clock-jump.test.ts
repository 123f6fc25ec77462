import { fileURLToPath } from 'node:url';
import type { TurnHandle } from '@hearth/producer';
import { expect, test } from 'vitest';
import { type Cluster, shortLeaseMs, withCluster } from '../support/cluster.js';
import type { TestWorker } from '../support/worker.js';

const faulty = fileURLToPath(new URL('../dist/fixtures/faulty-worker.js', import.meta.url));

/** A worker whose clock is an hour ahead, after it checked a turn whose profile it lacks. */
async function hourAhead(cluster: Cluster): Promise<{ worker: TestWorker; turn: TurnHandle }> {
  const env = { SHIFT_MS: String(3_600_000) };
  const worker = await cluster.worker({ claude: 'fake', leaseTtlMs: shortLeaseMs, program: faulty, env });
  const producer = cluster.producer();
  const turn = await producer.session('special').prompt('hello', { profile: 'special' });
  // In intake it is behind the other.
  await (await producer.session('plain').prompt('hello')).result();
  return { worker, turn };
}

test('a worker whose clock is an hour ahead leaves a turn to the one with its profile, within the turn’s waiting time', async () => {
  await withCluster(async (cluster) => {
    const { turn } = await hourAhead(cluster);
    const able = await cluster.worker({ claude: 'fake', profiles: { special: {} } });
    expect(await turn.result()).toMatchObject({ workerId: able.workerId });
  });
});

test('a turn that a worker whose clock is an hour ahead put back for a moment is served a moment after its death', async () => {
  await withCluster(async (cluster) => {
    const { worker, turn } = await hourAhead(cluster);
    worker.signal('SIGKILL');
    const able = await cluster.worker({ claude: 'fake', profiles: { special: {} } });
    expect(await turn.result()).toMatchObject({ workerId: able.workerId });
  });
});
