import type { Producer, TurnHandle } from '@hearth/producer';
import { type Ring, shardOf } from '@hearth/shared/internal';
import { Queue, Worker } from 'bullmq';
import { expect, test } from 'vitest';
import { type Cluster, shortLeaseMs, withCluster } from '../support/cluster.js';
import { submitUncalled } from '../support/deaf.js';
import { recall, recalled, remember } from '../support/turns.js';
import type { TestWorker } from '../support/worker.js';

/** The states in which the job of a turn's ring may be before a worker serves the turn. */
const states = ['waiting', 'active', 'completed', 'failed', 'removed'] as const;
type State = (typeof states)[number];

/** Brings a ring's job into a state, as a worker that has died since would have left it. */
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

/** Submits a turn to a session for each state, and brings the jobs there. The one that waits comes last: the others are taken first. */
async function strand(cluster: Cluster, producer: Producer, queue: Ring['queue']): Promise<Map<State, TurnHandle>> {
  const turns = new Map<State, TurnHandle>();
  for (const state of states.toReversed()) {
    const turn = await producer.session(state).prompt(recall);
    turns.set(state, turn);
    const head = (await cluster.store.head(state)) as { ring: Ring };
    expect(head.ring.queue).toBe(queue);
    await bring(cluster, head.ring, state);
  }
  return turns;
}

const seeker = { claude: 'fake', slots: 8, leaseTtlMs: shortLeaseMs, env: { HEARTH_LOOK_AFTER_MS: '200' } } as const;

test('serves a turn once whose ring in the intake queue is waiting, active, completed, failed or removed', async () => {
  await withCluster(async (cluster) => {
    const producer = cluster.producer();
    const turns = await strand(cluster, producer, 'intake');
    await cluster.worker(seeker);
    for (const [state, turn] of turns) {
      const { text } = await turn.result();
      expect({ state, text }).toEqual({ state, text: 'You have not asked me to remember a number.' });
      expect((await producer.session(state).turns()).map((each) => each.state)).toEqual(['finished']);
    }
  });
});

test('serves a turn once whose ring in the queue of a dead worker is waiting, active, completed, failed or removed', async () => {
  await withCluster(async (cluster) => {
    const producer = cluster.producer();
    const owner = await cluster.worker(seeker);
    for (const state of states) await (await producer.session(state).prompt(remember(4))).result();
    owner.signal('SIGKILL');
    await owner.exited;
    const turns = await strand(cluster, producer, owner.workerNumber);
    await cluster.worker(seeker);
    for (const [state, turn] of turns) {
      const { text } = await turn.result();
      expect({ state, text }).toEqual({ state, text: recalled(4) });
      expect((await producer.session(state).turns()).map((each) => each.state)).toEqual(['finished', 'finished']);
    }
  });
});

/** The first of these names whose shard is in the even half, or the odd one. */
function nameInHalf(half: 0 | 1, of: string): string {
  for (let n = 0; ; n += 1) if (shardOf(`${of}-${n}`) % 2 === half) return `${of}-${n}`;
}

test('serves the turns of a live owner that was not called, whatever became of their rings', async () => {
  await withCluster(async (cluster) => {
    // Both workers are stopped for a while, and must keep their leases.
    const workers = { claude: 'fake', slots: 12, leaseTtlMs: 60_000, env: { HEARTH_LOOK_AFTER_MS: '200' } } as const;
    const owner = await cluster.worker(workers);
    const producer = cluster.producer();
    // Each of the two workers sweeps half of the shards, so that either the owner or the other one finds a turn.
    const cells = states.flatMap((state) =>
      ([0, 1] as const).map((half) => ({ state, name: nameInHalf(half, state) })),
    );
    await Promise.all(cells.map(async ({ name }) => (await producer.session(name).prompt(remember(4))).result()));
    const other = await cluster.worker(workers);
    for (const worker of cluster.workers) worker.signal('SIGSTOP');
    // The rings that wait come last, because the others are taken from the head of the queue.
    for (const { state, name: sessionId } of cells.toReversed()) {
      const turn = { sessionId, turnId: 'lost', prompt: recall };
      const ring = await submitUncalled(cluster, turn, { lookAfterMs: 200 });
      expect(ring.queue).toBe(owner.workerNumber);
      await bring(cluster, ring, state);
    }
    for (const worker of cluster.workers) worker.signal('SIGCONT');
    for (const { name } of cells) {
      const session = producer.session(name);
      const result = await (await session.follow('lost')).result();
      expect(result).toMatchObject({ text: recalled(4), warmth: 'hot' });
      expect((await session.turns()).map(({ state }) => state)).toEqual(['finished', 'finished']);
    }
    // The other worker rings again what it finds in its half. The owner only reads the logs of its own sessions.
    const rungAgain = ({ log }: TestWorker) =>
      new Set(log.flatMap(({ event, sessionId }) => (event === 'turn.rung_again' ? [sessionId] : [])));
    await expect.poll(() => rungAgain(other).size).toBe(states.length - 1);
    expect(rungAgain(owner).size).toBe(0);
  });
});
