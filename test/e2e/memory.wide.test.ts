import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { eventually, isRunning } from '../support/facts.js';

/** Long enough for several measurements. */
const long = `[[stream chunks=60 every=100ms]] ${'word '.repeat(80)}`;
const recall = 'What number did I ask you to remember?';

test('an agent above the hard limit is killed with its turn; the session continues after its last turn', async () => {
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ claude: 'fake', slots: 1, env: { HEARTH_AGENT_HARD_MEMORY_MB: '300' } });
    const session = cluster.producer().session('s');
    await (await session.prompt('Remember the number 6.')).result();
    const turn = await session.prompt('[[grow by=200MB to=500MB]] [[hang]]');
    await expect(turn.result()).rejects.toMatchObject({
      code: 'agent_out_of_memory',
      field: 'agentHardMemoryMb',
      result: { text: '', attempt: 1 },
    });
    const after = await (await session.prompt(recall)).result();
    expect(after).toMatchObject({ text: 'You asked me to remember the number 6.', warmth: 'resumed' });
    expect(worker.log.filter(({ level }) => level === 'fatal')).toEqual([]);
  });
});

test('a spare above the hard limit is ended and replaced', async () => {
  await withCluster(async (cluster) => {
    // Any Node process is larger.
    const worker = await cluster.worker({ claude: 'fake', env: { HEARTH_AGENT_HARD_MEMORY_MB: '20' } });
    const first = await worker.logged(({ event }) => event === 'spare.memory_exceeded');
    await eventually(async () => !(await isRunning(Number(first['pid']))));
    await worker.logged(({ event, pid }) => event === first.event && pid !== first['pid']);
  });
});

test('an agent above the soft limit finishes its turn and is replaced; its memory is in the record of the worker', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake', slots: 1, env: { HEARTH_AGENT_SOFT_MEMORY_MB: '200' } });
    const producer = cluster.producer();
    const session = producer.session('s');
    const small = await (await session.prompt('Remember the number 7.')).result();
    const grown = await (await session.prompt(`[[grow by=300MB to=300MB]] ${long}`)).result();
    expect(grown).toMatchObject({ status: 'finished', pid: small.pid });
    const after = await (await session.prompt(recall)).result();
    expect(after).toMatchObject({ text: 'You asked me to remember the number 7.', warmth: 'resumed' });
    const measured = await eventually(async () => {
      const [worker] = await producer.workers();
      return worker?.agents.find(({ pid, rssBytes }) => pid === after.pid && rssBytes !== undefined);
    });
    expect(measured.rssBytes).toBeLessThan(200 * 1024 * 1024);
  });
});
