import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { markedProcesses, workerMark } from '@hearth/worker/internal';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { eventually } from '../support/facts.js';
import type { TestWorker } from '../support/worker.js';

/** Sessions of a round that are served, each by an agent of its own. */
const served = 50;
/** Sessions of a round that are closed before their turn begins, most of them. */
const onlyOpened = 290;
/** Rounds; the first one is not measured. */
const rounds = 6;

const slots = 6;

/**
 * What a served session may leave in the worker's memory, bytes. Measured: 1.3 KB, all of it compiled code. Two measurements of
 * one worker differ by some 0.3 MB, so that only many sessions show a leak.
 */
const leftOfEach = 10 * 1024;
const noiseBytes = 1024 * 1024;

const program = fileURLToPath(new URL('../dist/fixtures/weighed-worker.js', import.meta.url));

/** The number of folders of sessions and of agents. At the end only the spare's is left. */
const foldersOf = ({ home, workerId }: TestWorker): number =>
  readdirSync(join(home, 'workspaces')).length + readdirSync(join(home, 'workers', workerId, 'agents')).length;

/** Opens and closes sessions round after round; keys, memory, folders and processes have to return to where they were. */
async function leavesNothing(): Promise<void> {
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
          const turn = await session.prompt('hello');
          await session.close();
          await turn.result().catch(() => undefined);
        }),
      );
      await eventually(() => settled(worker));
    };
    // The first round leaves what stays: compiled code, connections, the constant keys.
    await round();
    const before = await state(worker);
    for (let n = 1; n < rounds; n += 1) await round();
    const after = await state(worker);
    expect(after.keys).toEqual(before.keys);
    expect(after.folders).toBe(before.folders);
    expect(after.processes).toBe(before.processes);
    expect(after.bytes - before.bytes).toBeLessThan(Math.max(noiseBytes, (rounds - 1) * served * leftOfEach));
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
}

async function weightOf(worker: TestWorker): Promise<number> {
  const from = worker.log.length;
  worker.signal('SIGUSR2');
  const weighed = await eventually(() => worker.log.slice(from).find(({ event }) => event === 'weighed'));
  return Number(weighed['bytes']);
}

/** A key that BullMQ keeps for the queue itself, which comes and goes by its own clock. */
const isOfQueue = (key: string): boolean => /:turns(-\d+)?:(stalled-check|marker|events)$/.test(key);

test('thousands of opened and closed sessions leave no keys, folders, processes or memory', leavesNothing);
