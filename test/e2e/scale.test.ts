import { readFileSync } from 'node:fs';
import type { TurnHandle } from '@hearth/producer';
import { markedProcesses, workerMark } from '@hearth/worker';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';

const sessions = 200;
const turnsEach = 20;
/** Turns of a session come some at a time, as people's do: 4,000 changes of place one by one would only measure start-ups. */
const burst = 10;
const workers = 4;
const places = 10;

const promptOf = (n: number, at: number): string =>
  at === 0 ? `Remember the number ${1000 + n}.` : 'What number did I ask you to remember?';

test('200 sessions × 20 turns on 4 workers with 10 places: at home between evictions, in order, every recall right, never an agent too many', async () => {
  await withCluster(async (cluster) => {
    const running = await Promise.all(
      Array.from({ length: workers }, () => cluster.worker({ claude: 'fake', places })),
    );
    const producers = [cluster.producer({ backlogLimit: 100 }), cluster.producer({ backlogLimit: 100 })];
    const agents = { most: 0 };
    const watching = watchAgents(running, agents);
    const turns = Array.from({ length: sessions }, (): TurnHandle[] => []);
    for (let round = 0; round < turnsEach / burst; round += 1) {
      await Promise.all(
        turns.map(async (mine, n) => {
          // Each turn by the other producer: order is the log's, not a connection's.
          for (let at = round * burst; at < (round + 1) * burst; at += 1) {
            const producer = producers[at % 2];
            if (producer === undefined) throw new Error('no producer');
            mine.push(await producer.session(`s-${n}`).prompt(promptOf(n, at), { metadata: { at } }));
          }
          await Promise.all(mine.slice(-burst).map((turn) => turn.result()));
        }),
      );
    }
    watching.stop();

    let evictions = 0;
    let resumes = 0;
    for (const [n, mine] of turns.entries()) {
      const results = await Promise.all(mine.map((turn) => turn.result()));
      expect(results.map(({ seq }) => seq)).toEqual(results.map((_, at) => at + 1));
      expect(results.map(({ metadata }) => metadata?.['at'])).toEqual(results.map((_, at) => at));
      for (const { text } of results.slice(1)) expect(text).toBe(`You asked me to remember the number ${1000 + n}.`);
      // P3: as long as it is not resumed, a session stays with its worker and its agent.
      for (const [at, result] of results.entries()) {
        const before = results[at - 1];
        if (result.warmth === 'hot') expect(result).toMatchObject({ workerId: before?.workerId, pid: before?.pid });
        else if (before !== undefined) {
          expect(result.warmth).toBe('resumed');
          resumes += 1;
        }
      }
    }
    for (const { log } of running)
      evictions += log.filter(({ msg }) => /^session (released|handed over)/.test(msg)).length;
    // Each session but those that ended in a place had to make room once for each time it came back.
    expect(resumes).toBeGreaterThanOrEqual(sessions - workers * places);
    expect(resumes).toBeLessThanOrEqual(evictions);
    expect(agents.most).toBeGreaterThan(0);
    expect(agents.most).toBeLessThanOrEqual(workers * places);
    process.stderr.write(`evictions ${evictions}, resumes ${resumes}, most agents at once ${agents.most}\n`);
  });
}, 240_000);

/** Counts agents again and again, by the worker's mark and their command line. */
function watchAgents(running: readonly { workerId: string }[], agents: { most: number }): { stop(): void } {
  const timer = setInterval(() => void count().catch(() => undefined), 100);
  const count = async (): Promise<void> => {
    const marked = await Promise.all(running.map(({ workerId }) => markedProcesses(workerMark, workerId)));
    agents.most = Math.max(agents.most, marked.flat().filter(isAgent).length);
  };
  return { stop: () => clearInterval(timer) };
}

function isAgent(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('fake-claude');
  } catch {
    return false;
  }
}
