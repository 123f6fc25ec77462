import type { TurnHandle } from '@hearth/producer';
import { expect, test } from 'vitest';
import { type Cluster, shortLeaseMs, withCluster } from '../support/cluster.js';
import { cuttable } from '../support/cuttable.js';
import { eventually, isRunning } from '../support/facts.js';
import type { TestWorker } from '../support/worker.js';

const words = 'one two three four five six seven eight nine ten';

/** A draining worker with a running turn of some seconds, and the pid of its agent. */
async function draining(cluster: Cluster): Promise<{ worker: TestWorker; turn: TurnHandle; pid: number }> {
  const worker = await cluster.worker({ claude: 'fake', slots: 1, leaseTtlMs: shortLeaseMs });
  const turn = await cluster.producer().session('s').prompt(`[[stream chunks=10 every=500ms]] ${words}`);
  let pid = -1;
  for await (const event of turn) {
    if (event.type === 'turn.started') pid = event.pid ?? -1;
    if (event.type === 'text.delta') break;
  }
  worker.signal('SIGTERM');
  await worker.logged(({ event }) => event === 'worker.draining');
  return { worker, turn, pid };
}

test('after an agent dies during a drain, its turn moves to another worker, and the exit code reports it', async () => {
  await withCluster(async (cluster) => {
    const { worker, turn, pid } = await draining(cluster);
    process.kill(pid, 'SIGKILL');
    expect(await worker.exited).toBe(1);
    await cluster.worker({ claude: 'fake', slots: 1 });
    expect(await turn.result()).toMatchObject({ attempt: 2, text: `Echo: ${words}` });
  });
});

test('after a lease is lost during a drain, the turn moves to another worker, and the exit code reports it', async () => {
  await withCluster(async (cluster) => {
    const { worker, turn, pid } = await draining(cluster);
    await cluster.redis.del(cluster.keys.lease(worker.workerId));
    expect(await worker.exited).toBe(1);
    expect(await isRunning(pid)).toBe(false);
    await cluster.worker({ claude: 'fake', slots: 1 });
    expect(await turn.result()).toMatchObject({ attempt: 2, text: `Echo: ${words}` });
  });
});

test('a second signal ends the worker at once; the watchdog ends the agents', async () => {
  await withCluster(async (cluster) => {
    const { worker, pid } = await draining(cluster);
    worker.signal('SIGTERM');
    expect(await worker.exited).toBe(1);
    expect(worker.log.map(({ event }) => event)).toContain('worker.left');
    expect(worker.log.map(({ event }) => event)).not.toContain('worker.stopped');
    await eventually(async () => !(await isRunning(pid)));
  });
});

test('an endless turn of an unresponsive agent does not extend a drain beyond its deadline', async () => {
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ claude: 'fake', slots: 1, env: { HEARTH_DRAIN_DEADLINE_MS: '200' } });
    const turn = await cluster.producer().session('s').prompt('[[deaf]] [[hang]]');
    for await (const event of turn) if (event.type === 'turn.started') break;
    expect(await worker.stop()).toBe(1);
  });
});

test('a silently dead connection to Redis does not either, however long the lease is', async () => {
  await withCluster(async (cluster) => {
    const way = await cuttable(cluster.redisUrl);
    const worker = await cluster.worker({
      claude: 'fake',
      leaseTtlMs: 600_000,
      env: { REDIS_URL: way.url, HEARTH_DRAIN_DEADLINE_MS: '200' },
    });
    const turn = await cluster.producer().session('s').prompt('[[hang]]');
    for await (const event of turn) if (event.type === 'turn.started') break;
    way.freeze();
    expect(await worker.stop()).toBe(1);
  });
});
