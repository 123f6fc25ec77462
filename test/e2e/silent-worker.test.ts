import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { markedProcesses, workerMark } from '@hearth/worker/internal';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { contents } from '../support/contents.js';
import { eventually, sizeOf } from '../support/facts.js';
import type { TestWorker } from '../support/worker.js';

const leaseTtlMs = 3_000;
const blockable = fileURLToPath(new URL('../dist/fixtures/blockable-worker.js', import.meta.url));
const profiles = { default: { allowedTools: ['Bash'], spares: 2 } };

/** A loop that writes for half a minute: longer than the test, and finite. */
const loop = (file: string): string => `for i in $(seq 1 300); do echo line >> ${file}; sleep 0.1; done`;

test.each([
  { silence: 'frozen by SIGSTOP', wakes: true, fall: (worker: TestWorker) => worker.signal('SIGSTOP') },
  { silence: 'with its event loop blocked', wakes: true, fall: (worker: TestWorker) => worker.signal('SIGUSR2') },
  { silence: 'killed', wakes: false, fall: (worker: TestWorker) => worker.signal('SIGKILL') },
])(
  'a worker $silence: its tools stop before its sessions can be taken over, and it writes nothing afterwards',
  async ({ wakes, fall }) => {
    await withCluster(async (cluster) => {
      const first = await cluster.worker({ leaseTtlMs, profiles, program: blockable, env: { BLOCK_MS: '9000' } });
      const folder = await cluster.folder();
      const [foreground, background] = [join(folder, 'foreground'), join(folder, 'background')];
      const producer = cluster.producer();
      const tools = [
        `[[tool Bash ${JSON.stringify({ command: loop(background), run_in_background: true })}]]`,
        `[[tool Bash ${JSON.stringify({ command: loop(foreground) })}]]`,
      ];
      const looping = await producer.session('looping').prompt(tools.join(' '));
      const talking = await producer
        .session('talking')
        .prompt(`[[stream chunks=100 every=60ms]] ${'word '.repeat(250)}`);
      for await (const event of talking) if (event.type === 'text.delta') break;
      await eventually(async () => (await sizeOf(foreground)) > 0 && (await sizeOf(background)) > 0);

      fall(first);
      await eventually(async () => !(await cluster.leases.lives(first.workerId)));
      // From here on the sessions can be taken over.
      expect(await markedProcesses(workerMark, first.workerId)).toEqual([]);
      const written = { foreground: await sizeOf(foreground), background: await sizeOf(background) };

      const second = await cluster.worker({ leaseTtlMs, profiles });
      await expect(looping.result()).rejects.toMatchObject({
        code: 'interrupted',
        message: expect.stringContaining('Bash'),
      });
      const answered = await talking.result();
      expect(answered).toMatchObject({ workerId: second.workerId, attempt: 2 });
      const before = await Promise.all(['looping', 'talking'].map((sessionId) => contents(cluster, sessionId)));

      if (wakes) {
        first.signal('SIGCONT');
        const refused = await first.logged(({ refusedWrites }) => Number(refusedWrites) > 0);
        expect(refused['fence']).toMatch(/^1\./);
        await first.logged(({ event }) => event === 'lease.lost');
        // It restarts under another name; by then all its earlier writes have been tried.
        await first.logged(({ event, workerId }) => event === 'worker.serving' && workerId !== first.workerId);
      }
      expect(await Promise.all(['looping', 'talking'].map((sessionId) => contents(cluster, sessionId)))).toEqual(
        before,
      );
      expect({ foreground: await sizeOf(foreground), background: await sizeOf(background) }).toEqual(written);
    });
  },
  90_000,
);
