import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { TurnResult } from '@hearth/producer';
import { expect, test } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';

const sessions = 12;
const turns = 5;

interface Ended {
  result: TurnResult;
  events: { id: string; type: string }[];
}

/**
 * Two producer processes submit turns of many sessions to three workers. Each session has to stay with one agent (P3), its turns
 * run in order (P2) with the right memory, and each event arrives once.
 */
async function staysWithOneAgent(): Promise<void> {
  await withCluster(async (cluster) => {
    // Each worker has room for all, because the first one to be awake would have to evict otherwise.
    await Promise.all([1, 2, 3].map(() => cluster.worker({ slots: sessions })));
    const producers = [producerProcess(cluster), producerProcess(cluster)];
    for (let turn = 1; turn <= turns; turn += 1) {
      for (let session = 0; session < sessions; session += 1) {
        // The producers alternate within a session.
        const prompt = promptOf(session, turn);
        await producers[(turn + session) % 2]?.submit(`s-${session}`, prompt, `s-${session}-${turn}`);
      }
    }
    const ended = new Map<string, Ended>();
    for (const producer of producers) for (const [turnId, value] of await producer.finish()) ended.set(turnId, value);
    expect(ended.size).toBe(sessions * turns);
    for (let session = 0; session < sessions; session += 1) {
      const served = Array.from({ length: turns }, (_, at) => ended.get(`s-${session}-${at + 1}`) as Ended);
      expect(served.map(({ result }) => result.seq)).toEqual(served.map((_, at) => at + 1));
      expect(new Set(served.map(({ result }) => result.pid)).size).toBe(1);
      expect(new Set(served.map(({ result }) => result.workerId)).size).toBe(1);
      expect(served.slice(1).every(({ result }) => result.warmth === 'hot')).toBe(true);
      expect(served.at(-1)?.result.text).toBe(`You asked me to remember the number ${numberOf(session)}.`);
      // A turn is queued while earlier ones run; its other events come after all of theirs.
      for (const { events } of served) {
        expect(events.map(idOf)).toEqual(ascending(events.map(idOf)));
        expect(events[0]?.type).toBe('turn.queued');
        expect(events.at(-1)?.type).toBe('turn.finished');
      }
      const answers = served.flatMap(({ events }) => events.slice(1).map(idOf));
      expect(answers).toEqual(ascending(answers));
      const ids = served.flatMap(({ events }) => events.map(idOf));
      expect(ascending(ids)).toEqual(ids.map((_, at) => at + 1));
    }
    const used = new Set([...ended.values()].map(({ result }) => result.workerId));
    expect(used.size).toBeGreaterThan(1);
  });
}

const idOf = ({ id }: { id: string }): number => Number(id.split('.')[1]);
const ascending = (ids: readonly number[]): number[] => ids.toSorted((a, b) => a - b);

const numberOf = (session: number): number => 1000 + session * 37;

function promptOf(session: number, turn: number): string {
  if (turn === 1) return `Remember the number ${numberOf(session)}.`;
  if (turn === turns) return 'What number did I ask you to remember?';
  return `[[stream chunks=6 every=5ms]] session ${session} turn ${turn} says a few words`;
}

function producerProcess(cluster: Cluster) {
  const program = fileURLToPath(new URL('../dist/fixtures/producer.js', import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'], env: cluster.env });
  const ended = new Map<string, Ended>();
  const accepted = new Map<string, (seq: number) => void>();
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (text) => {
    const line = JSON.parse(text) as { kind: 'accepted' | 'ended'; turnId: string; seq: number } & Ended;
    if (line.kind === 'accepted') accepted.get(line.turnId)?.(line.seq);
    else ended.set(line.turnId, { result: line.result, events: line.events });
  });
  const closed = once(lines, 'close');
  return {
    submit: (sessionId: string, prompt: string, turnId: string): Promise<number> =>
      new Promise((resolve) => {
        accepted.set(turnId, resolve);
        child.stdin.write(`${JSON.stringify({ sessionId, prompt, turnId })}\n`);
      }),
    finish: async (): Promise<Map<string, Ended>> => {
      child.stdin.end();
      await closed;
      return ended;
    },
  };
}

test(
  'keeps each of 12 sessions with one agent of the real CLI while 2 producers submit to 3 workers',
  staysWithOneAgent,
);
