import { readdirSync, readFileSync } from 'node:fs';
import type { Session, TurnHandle } from '@hearth/producer';
import { workerMark } from '@hearth/worker/internal';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';

const sessions = 200;
const turnsEach = 20;
/** Every other session comes back for its second half: 4,000 changes of place one by one would only measure start-ups. */
const burstOf = (n: number): number => (n % 2 === 0 ? turnsEach / 2 : turnsEach);
const comesBack = sessions / 2;
const workers = 4;
const slots = 10;

/** Nobody yields in mid-burst, so that whoever has turns waiting must keep its agent. */
const env = { HEARTH_YIELD_AFTER_TURNS: String(turnsEach) };

const promptOf = (n: number, at: number): string =>
  at === 0 ? `Remember the number ${1000 + n}.` : 'What number did I ask you to remember?';

test('200 sessions × 20 turns on 4 workers with 10 slots: at home between evictions, in order, every recall right, never an agent too many', async () => {
  await withCluster(async (cluster) => {
    const running = await Promise.all(
      Array.from({ length: workers }, () => cluster.worker({ claude: 'fake', slots, env })),
    );
    const producers = [cluster.producer({ backlogLimit: 100 }), cluster.producer({ backlogLimit: 100 })];
    const agents = { most: 0 };
    const watching = watchAgents(running, agents);
    const turns = Array.from({ length: sessions }, (): TurnHandle[] => []);
    for (let round = 0; round < 2; round += 1) {
      await Promise.all(
        turns.map(async (mine, n) => {
          const burst = burstOf(n);
          // Each turn by the other producer: order is the log's, not a connection's.
          for (let at = round * burst; at < Math.min((round + 1) * burst, turnsEach); at += 1) {
            const producer = producers[at % 2];
            if (producer === undefined) throw new Error('no producer');
            mine.push(await producer.session(`s-${n}`).prompt(promptOf(n, at), { metadata: { at } }));
          }
          await Promise.all(mine.slice(-burst).map((turn) => turn.result()));
        }),
      );
    }
    watching.stop();

    const reader = cluster.producer();
    let evictions = 0;
    let resumes = 0;
    let kept = 0;
    for (const [n, mine] of turns.entries()) {
      const results = await Promise.all(mine.map((turn) => turn.result()));
      expect(results.map(({ seq }) => seq)).toEqual(results.map((_, at) => at + 1));
      expect(results.map(({ metadata }) => metadata?.['at'])).toEqual(results.map((_, at) => at));
      const past = await pastOf(reader.session(`s-${n}`));
      // P2: each is begun once, and none before the one ahead of it has ended.
      expect(past.filter((what) => !what.startsWith('turn.queued'))).toEqual(
        results.flatMap(({ seq }) => [`turn.started ${seq}`, `turn.finished ${seq}`]),
      );
      for (const { text } of results.slice(1)) expect(text).toBe(`You asked me to remember the number ${1000 + n}.`);
      // P3: as long as it is not resumed, a session stays with its worker and its agent.
      for (const [at, result] of results.entries()) {
        const before = results[at - 1];
        if (result.warmth === 'hot') expect(result).toMatchObject({ workerId: before?.workerId, pid: before?.pid });
        else if (before !== undefined) {
          expect(result.warmth).toBe('resumed');
          resumes += 1;
        }
        // Only an idle session makes room: one whose next turn was in the log when the one before it ended keeps its agent.
        if (at === 0 || past.indexOf(`turn.queued ${at + 1}`) > past.indexOf(`turn.finished ${at}`)) continue;
        expect(result.warmth).toBe('hot');
        kept += 1;
      }
    }
    for (const { log } of running)
      evictions += log.filter(({ event }) => event === 'session.released' || event === 'session.handed_over').length;
    // All but the first to find slots wait with a whole burst in their logs.
    expect(kept).toBeGreaterThan((sessions * turnsEach) / 2);
    // Each session but those that ended in a place had to make room once for each time it came back.
    expect(resumes).toBeGreaterThanOrEqual(comesBack - workers * slots);
    expect(resumes).toBeLessThanOrEqual(evictions);
    expect(agents.most).toBeGreaterThan(0);
    expect(agents.most).toBeLessThanOrEqual(workers * slots);
    process.stderr.write(
      `evictions ${evictions}, resumes ${resumes}, hot with a backlog ${kept}, most agents at once ${agents.most}\n`,
    );
  });
}, 240_000);

/** What became of the session's turns, in the order of its stream. */
async function pastOf(session: Session): Promise<string[]> {
  const past: string[] = [];
  for await (const event of session.events({ after: `${(await session.summary())?.incarnation}.0` })) {
    if (event.type.startsWith('turn.') && 'seq' in event) past.push(`${event.type} ${event.seq}`);
    if (event.type === 'turn.finished' && event.seq === turnsEach) break;
  }
  return past;
}

/** Counts agents again and again, by the worker's mark and their command line. */
function watchAgents(running: readonly { workerId: string }[], agents: { most: number }): { stop(): void } {
  const marks = new Set(running.map(({ workerId }) => `${workerMark}=${workerId}`));
  const timer = setInterval(() => {
    const found = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isAgent(pid, marks));
    agents.most = Math.max(agents.most, found.length);
  }, 100);
  return { stop: () => clearInterval(timer) };
}

function isAgent(pid: string, marks: ReadonlySet<string>): boolean {
  try {
    if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('fake-claude')) return false;
    return readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .some((variable) => marks.has(variable));
  } catch {
    return false;
  }
}
