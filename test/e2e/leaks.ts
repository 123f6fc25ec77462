import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { markedProcesses, workerMark } from '@hearth/worker/internal';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { eventually } from '../support/facts.js';
import type { TestWorker } from '../support/worker.js';

/** Sessions of one round: each of the served ones takes an agent of its own; the others are closed while they wait, most of them. */
const served = 50;
const onlyOpened = 290;
const rounds = 6;
const slots = 6;

/**
 * What a session that was served may leave behind in the worker, bytes. Measured: 1.3 KB, all of it compiled code; the weight of one
 * and the same worker differs by some 0.3 MB.
 */
const leftOfEach = 10 * 1024;

const program = fileURLToPath(new URL('../dist/fixtures/weighed-worker.js', import.meta.url));

/** Folders of sessions, and of agents: of the one spare in the end. */
const foldersOf = ({ home, workerId }: TestWorker): number =>
  readdirSync(join(home, 'workspaces')).length + readdirSync(join(home, 'workers', workerId, 'agents')).length;

test('thousands of sessions opened and closed: keys, memory, folders and processes return to where they were', async () => {
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ claude: 'fake', slots, program });
    const producer = cluster.producer();
    const round = async (): Promise<void> => {
      const names = Array.from({ length: served }, (_, n) => `served-${n}`);
      await Promise.all(
        Array.from({ length: slots }, async () => {
          for (let name = names.pop(); name !== undefined; name = names.pop()) {
            const session = producer.session(name);
            await (await session.prompt('hello')).result();
            await session.close();
          }
        }),
      );
      await Promise.all(
        Array.from({ length: onlyOpened }, async (_, n) => {
          const session = producer.session(`opened-${n}`);
          // Due when it is closed already: what is left of it must be nothing, too.
          const turn = await session.prompt('hello');
          await session.close();
          await turn.result().catch(() => undefined);
        }),
      );
      await eventually(() => settled(worker));
    };
    // The first round warms what stays: code, connections, the constant keys.
    await round();
    const before = await state(worker);
    for (let n = 1; n < rounds; n += 1) await round();
    const after = await state(worker);
    process.stderr.write(`before ${JSON.stringify(before)}, after ${JSON.stringify(after)}\n`);
    expect(after.keys).toEqual(before.keys);
    expect(after.folders).toBe(before.folders);
    expect(after.processes).toBe(before.processes);
    expect(after.bytes - before.bytes).toBeLessThan((rounds - 1) * served * leftOfEach);
    expect(await producer.sessions()).toEqual([]);

    async function settled(of: TestWorker): Promise<boolean> {
      const [record] = await cluster.leases.workers();
      const isQuiet = record?.slots.busy === 0 && record.slots.idle === 0 && record.slots.spare === 1;
      return isQuiet && foldersOf(of) === 1;
    }

    async function state(of: TestWorker) {
      const keys = (await cluster.redis.keys(`${cluster.prefix}*`)).filter((key) => !isOfQueue(key));
      const marked = await markedProcesses(workerMark, of.workerId);
      return { keys: keys.sort(), folders: foldersOf(of), processes: marked.length, bytes: await weightOf(of) };
    }
  });
}, 240_000);

async function weightOf(worker: TestWorker): Promise<number> {
  const from = worker.log.length;
  worker.signal('SIGUSR2');
  const weighed = await eventually(() => worker.log.slice(from).find(({ event }) => event === 'weighed'));
  return Number(weighed['bytes']);
}

/** What BullMQ keeps for a queue as such, which comes and goes by its own clock. */
const isOfQueue = (key: string): boolean => /:turns(-\d+)?:(stalled-check|marker|events)$/.test(key);
