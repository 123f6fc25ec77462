import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { eventually } from '../support/facts.js';

const recall = 'What number did I ask you to remember?';

/** A fixed shuffle (mulberry32 and Fisher–Yates): random order, the same each time. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const order = [...items];
  let state = seed;
  for (let at = order.length - 1; at > 0; at -= 1) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    const other = ((mixed ^ (mixed >>> 14)) >>> 0) % (at + 1);
    [order[at], order[other]] = [order[other] as T, order[at] as T];
  }
  return order;
}

test('the real CLI: 4 slots serve 24 sessions in random order, and each remembers', async () => {
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ slots: 4 });
    const producer = cluster.producer();
    const names = Array.from({ length: 24 }, (_, n) => `s-${n}`);
    const tell = async (name: string) =>
      (await producer.session(name).prompt(`Remember the number ${name.slice(2)}7.`)).result();
    await Promise.all(shuffled(names, 1).map(tell));
    const warmths = new Set<string | undefined>();
    for (const seed of [2]) {
      const answers = await Promise.all(
        shuffled(names, seed).map(async (name) => ({
          name,
          ...(await (await producer.session(name).prompt(recall)).result()),
        })),
      );
      for (const { name, text, warmth } of answers) {
        expect(text).toBe(`You asked me to remember the number ${name.slice(2)}7.`);
        warmths.add(warmth);
      }
    }
    expect(warmths).toContain('resumed');
    const [record] = await producer.workers();
    expect(record?.slots.total).toBe(4);
    expect((record?.slots.busy ?? 0) + (record?.slots.idle ?? 0) + (record?.slots.spare ?? 0)).toBeLessThanOrEqual(4);
    expect(worker.log.some(({ level }) => level === 'error')).toBe(false);
  });
}, 180_000);

test('the session that was idle longest makes room, a busy one never; while all are busy a new one waits', async () => {
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

test('an idle session is released after the idle timeout, and comes back by resume', async () => {
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ claude: 'fake', env: { HEARTH_IDLE_TIMEOUT_MS: '300' } });
    const session = cluster.producer().session('s');
    await (await session.prompt('Remember the number 5.')).result();
    await worker.logged(({ event }) => event === 'session.released');
    expect(await session.summary()).toMatchObject({ owner: undefined, turns: 1 });
    const back = await (await session.prompt(recall)).result();
    expect(back).toMatchObject({ warmth: 'resumed', text: 'You asked me to remember the number 5.' });
  });
});

test.each([
  ['so many turns', { HEARTH_MAX_TURNS_PER_AGENT: '2' }],
  ['so long a life', { HEARTH_MAX_AGENT_AGE_MS: '1' }],
])('after %s an agent is replaced between turns, and the session remembers', async (_what, env) => {
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

test('a session with a long backlog gives its place up when another waits for one', async () => {
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
    // Behind one batch of turns, or two when it came late; not behind all thirty.
    expect(order.indexOf('short')).toBeLessThan(15);
    expect(order.filter((name) => name === 'long')).toHaveLength(30);
  });
});

test('a worker tells which sessions its agents hold, how warm they are and what memory they take', async () => {
  await withCluster(async (cluster) => {
    const worker = await cluster.worker({ claude: 'fake', leaseTtlMs: 2_000 });
    const producer = cluster.producer();
    const told = async () => (await producer.workers())[0]?.agents;
    const result = await (await producer.session('s').prompt('hello')).result();
    const [agent] = await eventually(async () => {
      const agents = await told();
      // Its memory is looked at now and then.
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
