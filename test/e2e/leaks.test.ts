import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { markedProcesses, workerMark } from '@hearth/worker';
import { expect, test } from 'vitest';
import { type TestWorker, withCluster } from '../support/cluster.js';
import { eventually } from '../support/facts.js';

/** Sessions of one round; most get one turn that a place serves, the others are only submitted and closed while they wait. */
const served = 30;
const onlyOpened = 470;
const rounds = 4;

/** Resident memory of a process, bytes. */
function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

/** Folders of sessions, and of agents: of the one spare in the end. */
const foldersOf = ({ home, workerId }: TestWorker): number =>
  readdirSync(join(home, 'workspaces')).length + readdirSync(join(home, 'workers', workerId, 'agents')).length;

test('thousands of sessions opened and closed: keys, memory, folders and processes return to where they were', async () => {
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ claude: 'fake', places: 6 });
    const producer = cluster.producer();
    const round = async (): Promise<void> => {
      await Promise.all(
        Array.from({ length: served }, async (_, n) => {
          const session = producer.session(`served-${n}`);
          await (await session.prompt('hello')).result();
          await session.close();
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
    const before = { ...(await state(worker)), bytes: residentBytes(worker.pid) };
    for (let n = 1; n < rounds; n += 1) await round();
    const after = { ...(await state(worker)), bytes: residentBytes(worker.pid) };
    process.stderr.write(`before ${JSON.stringify(before)}, after ${JSON.stringify(after)}\n`);
    expect(after.keys).toEqual(before.keys);
    expect(after.folders).toBe(before.folders);
    expect(after.processes).toBe(before.processes);
    // 1,500 sessions: a leak of 50 KB each, half of what an idle session may cost, would show.
    expect(after.bytes - before.bytes).toBeLessThan(75 * 1024 * 1024);
    expect(await producer.sessions()).toEqual([]);

    async function settled(of: TestWorker): Promise<boolean> {
      const [record] = await cluster.leases.workers();
      const isQuiet = record?.places.busy === 0 && record.places.idle === 0 && record.places.spare === 1;
      return isQuiet && foldersOf(of) === 1;
    }

    async function state(of: TestWorker): Promise<{ keys: string[]; folders: number; processes: number }> {
      const keys = (await cluster.redis.keys(`${cluster.prefix}*`)).filter((key) => !isOfQueue(key));
      const marked = await markedProcesses(workerMark, of.workerId);
      return { keys: keys.sort(), folders: foldersOf(of), processes: marked.length };
    }
  });
}, 100_000);

/** What BullMQ keeps for a queue as such, which comes and goes by its own clock. */
const isOfQueue = (key: string): boolean => /:turns(-\d+)?:(stalled-check|marker|events)$/.test(key);
