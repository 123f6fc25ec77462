import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ReaderEvent } from '@hearth/producer';
import { expect, test } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';
import { cuttable } from '../support/cuttable.js';

const idOf = ({ id }: { id: string }): number => Number(id.slice(id.indexOf('.') + 1));

test('a reader whose connections are cut 50 times during one turn gets every event once, in order', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
    const words = Array.from({ length: 500 }, (_, at) => `w${at}`).join(' ');
    const way = await cuttable(cluster.redisUrl);
    const producer = cluster.producer({ redisUrl: way.url });
    const turn = await producer.session('s').prompt(`[[stream chunks=500 every=20ms]] ${words}`);
    const events: ReaderEvent[] = [];
    let cuts = 0;
    for await (const event of turn) {
      events.push(event);
      if (events.length % 3 === 0 && cuts < 50 && way.cut() > 0) cuts += 1;
    }
    expect(cuts).toBe(50);
    const ids = events.map(idOf);
    expect(ids).toEqual(ids.map((_, at) => (ids[0] ?? 0) + at));
    const said = events.map((event) => (event.type === 'text.delta' ? event.text : '')).join('');
    expect(said).toBe(`Echo: ${words}`);
    expect(events.at(-1)?.type).toBe('turn.finished');
  });
});

test('a reader that lost its process continues in another one, exactly after its position', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
    const first = cluster.producer();
    const turn = await first.session('s').prompt('[[stream chunks=20 every=30ms]] one two three four five six seven');
    const seen: ReaderEvent[] = [];
    for await (const event of turn) {
      seen.push(event);
      if (event.type === 'text.delta') break;
    }
    await first.close();
    const rest = await cluster
      .producer()
      .session('s')
      .follow(turn.turnId, { after: seen.at(-1)?.id ?? '' });
    for await (const event of rest) seen.push(event);
    expect(seen.map(idOf)).toEqual(seen.map((_, at) => at + 1));
    expect(seen.at(-1)?.type).toBe('turn.finished');
  });
});

test('a reader whose position was trimmed is told once, then gets the record of its turn and the live end', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
    const session = cluster.producer().session('s');
    const turn = await session.prompt('[[stream chunks=5 every=1ms]] one two three');
    await turn.result();
    await cluster.redis.del(cluster.keys.session('s').events);
    const late: ReaderEvent[] = [];
    for await (const event of await cluster.producer().session('s').follow(turn.turnId)) late.push(event);
    expect(late.map(({ type }) => type)).toEqual(['stream.expired', 'message', 'turn.finished']);

    const live: string[] = [];
    const following = (async () => {
      for await (const event of session.events({
        after: `${(await session.summary())?.incarnation}.0`,
      })) {
        live.push(event.type);
        if (event.type === 'turn.finished') return;
      }
    })();
    await (await session.prompt('more')).result();
    await following;
    expect(live.filter((type) => type === 'stream.expired')).toHaveLength(1);
    expect(live.at(-1)).toBe('turn.finished');
  });
});

interface Report {
  kind: string;
  /** In ms, by the reader's clock. */
  at: number;
  events: number;
  rss: number;
}

/** A reader in a process of its own, which takes one event, then waits `pauseMs`. Reports its events and its memory. */
function reader(cluster: Cluster, turnId: string, pauseMs: number) {
  const program = fileURLToPath(new URL('../dist/fixtures/slow-reader.js', import.meta.url));
  const child = spawn(process.execPath, ['--expose-gc', program, 's', turnId, String(pauseMs)], {
    env: cluster.env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<Report> => JSON.parse(String((await lines.next()).value)) as Report;
  return { next, report: () => void child.stdin.write('report\n'), end: () => void child.stdin.end() };
}

const bytesPerEvent = 22;
const stream = (events: number): string => `[[stream chunks=${events} every=0ms]] [[large ${events * bytesPerEvent}B]]`;

/** A turn of this many events, and the time per event of the agent and of a fast reader, in ms. */
async function paceOf(cluster: Cluster, turnId: string, events: number) {
  const fast = reader(cluster, turnId, 0);
  expect((await fast.next()).kind).toBe('ready');
  const turn = await cluster.producer().session('s').prompt(stream(events), { turnId });
  const first = await fast.next();
  const done = await fast.next();
  expect(done.kind).toBe('ended');
  expect(done.events).toBeGreaterThan(events);
  fast.end();
  const { timings } = await turn.result();
  const ofAgent = timings.totalMs - (timings.firstEventMs ?? 0);
  return { events: done.events, agent: ofAgent / events, reader: (done.at - first.at) / events };
}

test('a slow reader of 100,000 events delays no one else and holds no memory', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
    const before = await paceOf(cluster, 'before', 15_000);
    const slow = reader(cluster, 'long', 1_000);
    expect((await slow.next()).kind).toBe('ready');
    const beside = await paceOf(cluster, 'long', 100_000);
    const first = await slow.next();
    expect(first.kind).toBe('first');
    slow.report();
    const report = await slow.next();
    expect(report.kind).toBe('report');
    // It read one event per second, fell behind, and did not buffer the unread events.
    expect(report.events).toBeLessThan(beside.events / 100);
    const grownMb = (report.rss - first.rss) / 1024 / 1024;
    slow.end();
    const after = await paceOf(cluster, 'after', 15_000);
    process.stderr.write(
      `${beside.events} events; the slow reader read ${report.events} and grew by ${grownMb.toFixed(1)} MB; ms per event before, beside, after: ${[before, beside, after].map(({ agent, reader }) => `agent ${agent.toFixed(4)}, reader ${reader.toFixed(4)}`).join('; ')}\n`,
    );
    expect(grownMb).toBeLessThan(20);
    expect(beside.agent).toBeLessThan(before.agent + after.agent);
    expect(beside.reader).toBeLessThan(before.reader + after.reader);
  });
});
