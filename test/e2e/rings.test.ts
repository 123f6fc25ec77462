import { type Ring, shardOf } from '@hearth/shared/internal';
import { Queue, Worker } from 'bullmq';
import { expect, test } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';
import { submitUncalled } from '../support/deaf.js';
import type { TestWorker } from '../support/worker.js';

/** What has become of the job of a turn's ring before anybody serves it. */
const states = ['waiting', 'active', 'completed', 'failed', 'removed'] as const;
type State = (typeof states)[number];

/** Short: they wait for it. Shorter, and on a busy machine watchdogs end agents of workers that live. */
const leaseTtlMs = 2_000;

const matrix = states.flatMap((state) => (['intake', 'sticky'] as const).map((where) => ({ state, where })));

/** Brings a ring's job into a state, as a worker that is gone since would have left it. */
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
      // `active` stays so: its holder is dead.
    } finally {
      await reader.close(true);
      blocking.disconnect();
    }
  } finally {
    await queue.close();
  }
}

// Side by side: they wait for leases and sweeps, most of their time.
test.concurrent.for(matrix)('a turn whose ring is $state in $where is served', async ({ state, where }, context) => {
  const { expect } = context;
  await withCluster(async (cluster) => {
    const producer = cluster.producer();
    const session = producer.session('s');
    // In the worker queue of a worker that died: a session it owned, and a worker number whose queue nobody reads until it is taken again.
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
    // Ring twice is served once.
    expect((await session.turns()).map(({ state: ended }) => ended)).toEqual(
      where === 'sticky' ? ['finished', 'finished'] : ['finished'],
    );
  }, context);
});

/** The first of these names whose shard is even, or odd. */
function nameInHalf(half: 0 | 1, of: string): string {
  for (let n = 0; ; n += 1) if (shardOf(`${of}-${n}`) % 2 === half) return `${of}-${n}`;
}

test('turns whose rings are lost, in whatever state, in the worker queue of an owner that lives and was not called are served', async () => {
  await withCluster(async (cluster) => {
    const workers = { claude: 'fake', slots: 12, env: { HEARTH_LOOK_AFTER_MS: '200' } } as const;
    const owner = await cluster.worker(workers);
    const producer = cluster.producer();
    // Of two workers each looks after half of the shards: the owner comes upon these turns itself, or the other one does.
    const cells = states.flatMap((state) =>
      ([0, 1] as const).map((half) => ({ state, name: nameInHalf(half, state) })),
    );
    await Promise.all(
      cells.map(async ({ name }) => (await producer.session(name).prompt('Remember the number 4.')).result()),
    );
    const other = await cluster.worker(workers);
    for (const worker of cluster.workers) worker.signal('SIGSTOP');
    // The rings that are to wait come last: whoever takes the others out of the queue must not meet them.
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
    // Each ring that does not wait was found lost by the other worker in its half; in its own the owner only looks at its log.
    const rungAgain = ({ log }: TestWorker) =>
      new Set(log.flatMap(({ event, sessionId }) => (event === 'turn.rung_again' ? [sessionId] : [])));
    await expect.poll(() => rungAgain(other).size).toBe(states.length - 1);
    expect(rungAgain(owner).size).toBe(0);
  });
});
