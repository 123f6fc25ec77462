import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { markedProcesses, workerMark } from '@hearth/worker/internal';
import { expect, test } from 'vitest';
import { shortLeaseMs, withCluster } from '../support/cluster.js';
import { eventually, watchdogOf } from '../support/facts.js';

test('a worker that dies together with its watchdog leaves orphans; the next one with its home ends them', async () => {
  await withCluster(async (cluster) => {
    const settings = {
      claude: 'fake',
      profiles: { default: { allowedTools: ['Bash'] } },
      leaseTtlMs: shortLeaseMs,
    } as const;
    const first = await cluster.worker(settings);
    const session = cluster.producer().session('s');
    const began = join(first.home, 'began');
    const command = `touch ${began}; sleep 120; touch ${began}-and-ended`;
    const turn = await session.prompt(`[[tool Bash ${JSON.stringify({ command })}]] go`);
    await eventually(() => existsSync(began));
    // A stopped worker cannot start another watchdog.
    first.signal('SIGSTOP');
    process.kill(await watchdogOf(first.workerId), 'SIGKILL');
    first.signal('SIGKILL');
    await first.exited;
    expect(await markedProcesses(workerMark, first.workerId)).not.toEqual([]);

    const second = await cluster.worker({ ...settings, home: first.home });
    expect(await markedProcesses(workerMark, first.workerId)).toEqual([]);
    await second.logged(({ event, of }) => event === 'orphans.removed' && of === first.workerId);
    expect(await readdir(join(first.home, 'workers'))).toEqual([second.workerId]);
    await expect(turn.result()).rejects.toMatchObject({ code: 'interrupted' });
    expect(existsSync(`${began}-and-ended`)).toBe(false);
  });
});
