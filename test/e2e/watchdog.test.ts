import { markedProcesses, workerMark } from '@hearth/worker/internal';
import { expect, test } from 'vitest';
import { shortLeaseMs, withCluster } from '../support/cluster.js';
import { eventually, watchdogOf } from '../support/facts.js';

test('a watchdog that was killed is replaced, and the new one ends the agents of its worker when the worker freezes', async () => {
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ claude: 'fake', leaseTtlMs: shortLeaseMs });
    const first = await watchdogOf(worker.workerId);
    process.kill(first, 'SIGKILL');
    await eventually(async () => (await watchdogOf(worker.workerId).catch(() => first)) !== first);
    expect(await markedProcesses(workerMark, worker.workerId)).not.toEqual([]);
    worker.signal('SIGSTOP');
    await eventually(async () => (await markedProcesses(workerMark, worker.workerId)).length === 0);
    // Before any worker could take over.
    expect(await cluster.leases.lives(worker.workerId)).toBe(true);
  });
});
