import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ReaderEvent } from '@hearth/producer';
import { expect } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';
import { cuttable } from '../support/cuttable.js';

export const idOf = ({ id }: { id: string }): number => Number(id.slice(id.indexOf('.') + 1));

/** Cuts the connections of a reader during one turn. It has to get every event once and in order. */
export async function rejoinsAfterCuts({ cuts, pieces }: { cuts: number; pieces: number }): Promise<void> {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
    const words = Array.from({ length: pieces }, (_, at) => `w${at}`).join(' ');
    const way = await cuttable(cluster.redisUrl);
    const producer = cluster.producer({ redisUrl: way.url });
    const turn = await producer.session('s').prompt(`[[stream chunks=${pieces} every=20ms]] ${words}`);
    const events: ReaderEvent[] = [];
    let done = 0;
    for await (const event of turn) {
      events.push(event);
      if (events.length % 3 === 0 && done < cuts && way.cut() > 0) done += 1;
    }
    expect(done).toBe(cuts);
    const ids = events.map(idOf);
    expect(ids).toEqual(ids.map((_, at) => (ids[0] ?? 0) + at));
    const said = events.map((event) => (event.type === 'text.delta' ? event.text : '')).join('');
    expect(said).toBe(`Echo: ${words}`);
    expect(events.at(-1)?.type).toBe('turn.finished');
  });
}

interface Report {
  kind: string;
  events: number;
  bytes: number;
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

/** Longer than the test, so that a reader takes one event, ms. */
const neverMs = 600_000;

/** A turn and a fast reader have to end while a slow reader stands at the first event, without holding the others in memory. */
export async function isNotDelayed({ events }: { events: number }): Promise<void> {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
    const [fast, slow] = [reader(cluster, 'long', 0), reader(cluster, 'long', neverMs)];
    for (const each of [fast, slow]) expect((await each.next()).kind).toBe('ready');
    const prompt = `[[stream chunks=${events} every=0ms]] [[large ${events * bytesPerEvent}B]]`;
    const turn = await cluster.producer().session('s').prompt(prompt, { turnId: 'long' });
    const [, before] = [await fast.next(), await slow.next()];
    const done = await fast.next();
    expect(done.kind).toBe('ended');
    expect(done.events).toBeGreaterThan(events);
    await turn.result();
    fast.end();
    slow.report();
    const after = await slow.next();
    slow.end();
    expect(after).toMatchObject({ kind: 'report', events: 1 });
    expect((after.bytes - before.bytes) / 1024 / 1024).toBeLessThan(20);
  });
}
