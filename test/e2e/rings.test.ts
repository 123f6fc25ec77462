import { type Ring, shardOf } from '@hearth/shared/internal';
import { Queue, Worker } from 'bullmq';
import { expect, test } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';
import { submitUncalled } from '../support/deaf.js';
import type { TestWorker } from '../support/worker.js';

/** The state of a ring's job before a worker serves it. */
const states = ['waiting', 'active', 'completed', 'failed', 'removed'] as const;
type State = (typeof states)[number];

/** Short, because the tests wait for it. With a shorter one, watchdogs on a busy machine end agents of living workers. */
const leaseTtlMs = 2_000;

const matrix = states.flatMap((state) => (['intake', 'sticky'] as const).map((where) => ({ state, where })));

/** Brings a ring's job into a state, as a worker that is gone would have left it. */
async function bring(cluster: Cluster, ring: Ring, state: State): Promise<void> {
  if (state === 'waiting') return;
  const name = ring.queue === 'intake' ? 'turns' : `turns-${ring.queue}`;
  const connection = cluster.redis;
  const prefix = cluster.keys.options.queuePrefix;
  const queue = new Queue(name, { connection, prefix });
  try {
    if (state === 'removed') return void (await queue.remove(ring.jobId));
    const blocking = cluster.redis.duplicate({ maxRetriesPerRequest: null });
    const reader = new Worker(name, null, { connection: blocking, prefix, name: 'w-gone', autorun: false });
    try {
      const job = await reader.getNextJob('token-of-the-gone');
      expect(job?.id).toBe(ring.jobId);
      if (state === 'completed') await job?.moveToCompleted({ done: true }, 'token-of-the-gone', false);
      if (state === 'failed') await job?.moveToFailed(new Error('gone'), 'token-of-the-gone', false);
      // `active` stays: its holder is dead.
    } finally {
      await reader.close(true);
      blocking.disconnect();
    }
  } finally {
    await queue.close();
  }
}

// Concurrent, because they mostly wait for leases and sweeps.
test.concurrent.for(matrix)('a turn whose ring is $state in $where is served', async ({ state, where }, context) => {
  const { expect } = context;
  await withCluster(async (cluster) => {
    const producer = cluster.producer();
    const session = producer.session('s');
    // In the queue of a dead worker: a session it owned, and a worker number whose queue no worker reads until the number is reused.
    const owner = where === 'sticky' ? await cluster.worker({ claude: 'fake', leaseTtlMs }) : undefined;
    if (owner !== undefined) {
      await (await session.prompt('Remember the number 4.')).result();
      owner.signal('SIGKILL');
      await owner.exited;
    }
    const turn = await session.prompt('What number did I ask you to remember?');
    const ring = (await cluster.store.head('s')) as { ring: Ring };
    expect(ring.ring.queue).toBe(where === 'sticky' ? owner?.workerNumber : 'intake');
    await bring(cluster, ring.ring, state);
    await cluster.worker({ claude: 'fake', leaseTtlMs, env: { HEARTH_LOOK_AFTER_MS: '200' } });
    expect((await turn.result()).text).toBe(
      where === 'sticky' ? 'You asked me to remember the number 4.' : 'You have not asked me to remember a number.',
    );
    // A turn that is rung twice is served once.
    expect((await session.turns()).map(({ state: ended }) => ended)).toEqual(
      where === 'sticky' ? ['finished', 'finished'] : ['finished'],
    );
  }, context);
});

/** The first of these names whose shard is even, or odd. */
function nameInHalf(half: 0 | 1, of: string): string {
  for (let n = 0; ; n += 1) if (shardOf(`${of}-${n}`) % 2 === half) return `${of}-${n}`;
}

test('turns with lost rings, in any state, in the queue of a living owner without a call are served', async () => {
  await withCluster(async (cluster) => {
    const workers = { claude: 'fake', slots: 12, env: { HEARTH_LOOK_AFTER_MS: '200' } } as const;
    const owner = await cluster.worker(workers);
    const producer = cluster.producer();
    // Each of two workers sweeps half of the shards: the owner finds these turns itself, or the other worker does.
    const cells = states.flatMap((state) =>
      ([0, 1] as const).map((half) => ({ state, name: nameInHalf(half, state) })),
    );
    await Promise.all(
      cells.map(async ({ name }) => (await producer.session(name).prompt('Remember the number 4.')).result()),
    );
    const other = await cluster.worker(workers);
    for (const worker of cluster.workers) worker.signal('SIGSTOP');
    // The waiting rings are moved last: the worker that takes the others from the queue must not get them.
    for (const { state, name: sessionId } of cells.toReversed()) {
      const turn = { sessionId, turnId: 'lost', prompt: 'What number did I ask you to remember?' };
      const ring = await submitUncalled(cluster, turn, { lookAfterMs: 200 });
      expect(ring.queue).toBe(owner.workerNumber);
      await bring(cluster, ring, state);
    }
    for (const worker of cluster.workers) worker.signal('SIGCONT');
    for (const { name } of cells) {
      const session = producer.session(name);
      const result = await (await session.follow('lost')).result();
      expect(result).toMatchObject({ text: 'You asked me to remember the number 4.', warmth: 'hot' });
      expect((await session.turns()).map(({ state }) => state)).toEqual(['finished', 'finished']);
    }
    // The other worker reported each lost ring in its half; in its own half the owner only reads its log.
    const rungAgain = ({ log }: TestWorker) =>
      new Set(log.flatMap(({ event, sessionId }) => (event === 'turn.rung_again' ? [sessionId] : [])));
    await expect.poll(() => rungAgain(other).size).toBe(states.length - 1);
    expect(rungAgain(owner).size).toBe(0);
  });
});
