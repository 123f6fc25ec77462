import type { Ring } from '@hearth/shared';
import { Queue, Worker } from 'bullmq';
import { expect, test } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';

/** What has become of the job of a turn's ring before anybody serves it. */
const states = ['waiting', 'active', 'completed', 'failed', 'removed'] as const;
type State = (typeof states)[number];

const matrix = states.flatMap((state) => (['intake', 'sticky'] as const).map((where) => ({ state, where })));

/** Brings a ring's job into a state, as a worker that is gone since would have left it. */
async function bring(cluster: Cluster, ring: Ring, state: State): Promise<void> {
  if (state === 'waiting') return;
  const name = ring.seat === 'intake' ? 'turns' : `turns-${ring.seat}`;
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
    // In the sticky queue of a worker that died: a session it owned, and a seat whose queue nobody reads until it is taken again.
    const owner = where === 'sticky' ? await cluster.worker({ claude: 'fake', leaseTtlMs: 1_000 }) : undefined;
    if (owner !== undefined) {
      await (await session.prompt('Remember the number 4.')).result();
      owner.signal('SIGKILL');
      await owner.exited;
    }
    const turn = await session.prompt('What number did I ask you to remember?');
    const ring = (await cluster.store.head('s')) as { ring: Ring };
    expect(ring.ring.seat).toBe(where === 'sticky' ? owner?.seat : 'intake');
    await bring(cluster, ring.ring, state);
    await cluster.worker({ claude: 'fake', leaseTtlMs: 1_000, env: { HEARTH_LOOK_AFTER_MS: '200' } });
    expect((await turn.result()).text).toBe(
      where === 'sticky' ? 'You asked me to remember the number 4.' : 'You have not asked me to remember a number.',
    );
    // Rung twice is served once.
    expect((await session.turns()).map(({ state: ended }) => ended)).toEqual(
      where === 'sticky' ? ['finished', 'finished'] : ['finished'],
    );
  }, context);
});
