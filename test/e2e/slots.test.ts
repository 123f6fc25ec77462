import { expect, test } from 'vitest';
import { shortLeaseMs, withCluster } from '../support/cluster.js';
import { eventually } from '../support/facts.js';

const recall = 'What number did I ask you to remember?';

test('evicts the longest idle session, and lets a new one wait while all are busy', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake', slots: 2 });
    const producer = cluster.producer();
    const say = async (name: string, words: string) => (await producer.session(name).prompt(words)).result();
    const oldest = await say('oldest', 'hello');
    const newer = await say('newer', 'hello');
    const third = await say('third', 'hello');
    expect(third.warmth).toBe('cold');
    expect(await say('newer', 'again')).toMatchObject({ warmth: 'hot', pid: newer.pid });
    expect(await say('oldest', 'again')).toMatchObject({ warmth: 'resumed' });
    expect(oldest.pid).not.toBe(newer.pid);

    const slow = await Promise.all(
      ['oldest', 'newer'].map((name) =>
        producer
          .session(name)
          .prompt('[[stream chunks=20 every=50ms]] one two three four five six seven eight nine ten'),
      ),
    );
    await Promise.all(slow.map(async (turn) => begun(turn)));
    const waiting = await producer.session('fourth').prompt('hello');
    const order: string[] = [];
    await Promise.all([
      ...slow.map(async (turn) => order.push((await turn.result()).sessionId)),
      waiting.result().then(({ sessionId }) => order.push(sessionId)),
    ]);
    expect(order.indexOf('fourth')).toBeGreaterThan(0);
    for (const turn of slow) expect(await turn.result()).toMatchObject({ warmth: 'hot', attempt: 1 });
  });
});

async function begun(turn: AsyncIterable<{ type: string }>): Promise<void> {
  for await (const event of turn) if (event.type === 'turn.started') return;
}

test('releases an idle session after the idle timeout, and resumes it at its next turn', async () => {
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ claude: 'fake', slots: 1, env: { HEARTH_IDLE_TIMEOUT_MS: '300' } });
    const session = cluster.producer().session('s');
    await (await session.prompt('Remember the number 5.')).result();
    await worker.logged(({ event }) => event === 'session.released');
    expect(await session.summary()).toMatchObject({ owner: undefined, turns: 1 });
    const back = await (await session.prompt(recall)).result();
    expect(back).toMatchObject({ warmth: 'resumed', text: 'You asked me to remember the number 5.' });
  });
});

test.each([
  ['its limit of turns', { HEARTH_MAX_TURNS_PER_AGENT: '2' }],
  ['its limit of age', { HEARTH_MAX_AGENT_AGE_MS: '1' }],
])('recycles an agent between turns after %s, and the session remembers', async (_what, env) => {
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ claude: 'fake', env });
    const session = cluster.producer().session('s');
    const say = async (words: string) => (await session.prompt(words)).result();
    const first = await say('Remember the number 5.');
    await say('hello');
    await worker.logged(({ event }) => event === 'agent.recycled');
    await eventually(async () => (await cluster.leases.workers())[0]?.slots.idle === 1);
    const next = await say(recall);
    expect(next).toMatchObject({ warmth: 'resumed', text: 'You asked me to remember the number 5.' });
    expect(next.pid).not.toBe(first.pid);
    expect(worker.log.some(({ event }) => event === 'session.released')).toBe(false);
  });
});

test('takes the slot from a session with a long backlog when another session waits', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake', slots: 1, env: { HEARTH_YIELD_AFTER_TURNS: '3' } });
    const producer = cluster.producer({ backlogLimit: 100 });
    const order: string[] = [];
    const submit = async (name: string, n: number): Promise<void> => {
      const turn = await producer.session(name).prompt(`${n}`);
      done.push(turn.result().then(() => order.push(name)));
    };
    const done: Promise<unknown>[] = [];
    for (let n = 0; n < 30; n += 1) await submit('long', n);
    await submit('short', 0);
    await Promise.all(done);
    // After one batch of turns, or two if it was late, but never after all thirty.
    expect(order.indexOf('short')).toBeLessThan(15);
    expect(order.filter((name) => name === 'long')).toHaveLength(30);
  });
});

test('lists the agents of a worker with session, warmth and memory in its record', async () => {
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ claude: 'fake', slots: 1, leaseTtlMs: shortLeaseMs });
    const producer = cluster.producer();
    const told = async () => (await producer.workers())[0]?.agents;
    const result = await (await producer.session('s').prompt('hello')).result();
    const [agent] = await eventually(async () => {
      const agents = await told();
      // The memory is measured at intervals.
      return agents?.[0]?.warmth === 'hot' && agents[0].rssBytes !== undefined && agents;
    });
    expect(agent).toMatchObject({ sessionId: 's', pid: result.pid });
    expect(agent?.rssBytes).toBeGreaterThan(5_000_000);
    expect(Math.abs((agent?.since ?? 0) - Date.now())).toBeLessThan(60_000);
    await producer.session('s').close();
    await eventually(async () => (await told())?.length === 0);
    expect(worker.isGone()).toBe(false);
  });
});
