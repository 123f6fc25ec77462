import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { markedProcesses, workerMark } from '@hearth/worker/internal';
import type { TestContext } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { contents, lastLineWritten } from '../support/contents.js';
import { eventually, sizeOf } from '../support/facts.js';
import { firstEvent, tool } from '../support/turns.js';
import type { TestWorker } from '../support/worker.js';

/** Long enough that also on a busy machine the watchdog acts in the fifth of it which is its margin, ms. */
const leaseTtlMs = 5_000;
const blockMs = 15_000;
const blockable = fileURLToPath(new URL('../dist/fixtures/blockable-worker.js', import.meta.url));

/** A loop that writes for a minute, which is longer than any test. */
const loop = (file: string): string => `for i in $(seq 1 120); do echo line >> ${file}; sleep 0.5; done`;

export interface Silence {
  fall: (worker: TestWorker) => void;
  /** The worker goes on afterwards. */
  wakes: boolean;
  /** Absent, the real CLI, which also has a tool in the background. */
  claude?: 'fake';
}

export const frozen: Silence = { wakes: true, fall: (worker) => worker.signal('SIGSTOP') };
export const blocked: Silence = { wakes: true, fall: (worker) => worker.signal('SIGUSR2') };
export const killed: Silence = { wakes: false, fall: (worker) => worker.signal('SIGKILL') };

/** When a worker falls silent, its tools stop before its sessions can be taken (P5), and it writes nothing afterwards (P4). */
export async function stopsItsTools({ fall, wakes, claude }: Silence, context: TestContext): Promise<void> {
  const { expect } = context;
  await withCluster(async (cluster) => {
    const settings = {
      leaseTtlMs,
      profiles: { default: { allowedTools: ['Bash'] } },
      ...(claude === undefined ? {} : { claude }),
    };
    const first = await cluster.worker({ ...settings, program: blockable, env: { BLOCK_MS: String(blockMs) } });
    const folder = await cluster.folder();
    const files = ['foreground', ...(claude === 'fake' ? [] : ['background'])].map((name) => join(folder, name));
    const written = () => Promise.all(files.map(sizeOf));
    const tools = files.map((file) =>
      tool('Bash', { command: loop(file), ...(file.endsWith('background') ? { run_in_background: true } : {}) }, ''),
    );
    const producer = cluster.producer();
    const looping = await producer.session('looping').prompt(tools.toReversed().join(' '));
    const talking = await producer.session('talking').prompt(`[[stream chunks=100 every=60ms]] ${'word '.repeat(250)}`);
    await firstEvent(talking, 'text.delta');
    await eventually(async () => (await written()).every((size) => size > 0));

    fall(first);
    await eventually(async () => !(await cluster.leases.lives(first.workerId)));
    // From here on another worker may claim the sessions.
    expect(await markedProcesses(workerMark, first.workerId)).toEqual([]);
    const atTheEnd = await written();

    const second = await cluster.worker(settings);
    await expect(looping.result()).rejects.toMatchObject({
      code: 'interrupted',
      message: expect.stringContaining('Bash'),
    });
    expect(await talking.result()).toMatchObject({ workerId: second.workerId, attempt: 2 });
    const all = () => Promise.all(['looping', 'talking'].map((sessionId) => contents(cluster, sessionId)));
    if (claude === 'fake') await lastLineWritten(cluster, 'talking');
    const before = await all();

    if (wakes) {
      first.signal('SIGCONT');
      const refused = await first.logged(({ refusedWrites }) => Number(refusedWrites) > 0);
      expect(refused['fence']).toMatch(/^1\./);
      await first.logged(({ event }) => event === 'lease.lost');
      // It serves again under another id once everything that it had left to write was tried.
      await first.logged(({ event, workerId }) => event === 'worker.serving' && workerId !== first.workerId);
    }
    expect(await all()).toEqual(before);
    expect(await written()).toEqual(atTheEnd);
  }, context);
}
