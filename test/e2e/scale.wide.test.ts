import { readdirSync, readFileSync } from 'node:fs';
import type { Session, TurnHandle } from '@hearth/producer';
import { workerMark } from '@hearth/worker/internal';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';

const sessions = 200;
/** An even number: a session may return for the second half. */
const turnsEach = 20;
const workers = 4;
const slots = 10;

const promptOf = (n: number, at: number): string =>
  at === 0 ? `Remember the number ${1000 + n}.` : 'What number did I ask you to remember?';

/**
 * Serves more sessions than there are slots. Every other session returns for the second half of its turns, so that it has to
 * resume. Turns have to run in order (P2), with the right memory, by one agent between evictions (P3), and never by more agents
 * than there are slots.
 */
async function servesMoreThanItsSlots(): Promise<void> {
  // Half of the sessions, because a change of slot for each turn would only measure starts.
  const burstOf = (n: number): number => (n % 2 === 0 ? turnsEach / 2 : turnsEach);
  const comesBack = sessions / 2;
  await withCluster(async (cluster) => {
    // No session yields within a burst, so that a session with waiting turns has to keep its agent.
    const env = { HEARTH_YIELD_AFTER_TURNS: String(turnsEach) };
    // A worker that lost its lease on a busy machine would lose its agents, too.
    const settings = { claude: 'fake', slots, env, leaseTtlMs: 60_000 } as const;
    const running = await Promise.all(Array.from({ length: workers }, () => cluster.worker(settings)));
    // The same holds for a producer that takes a slow Redis for a lost one.
    const patient = { backlogLimit: 100, connectTimeoutMs: 60_000 };
    const producers = [cluster.producer(patient), cluster.producer(patient)];
    const agents = { most: 0 };
    const watching = watchAgents(running, agents);
    const turns = Array.from({ length: sessions }, (): TurnHandle[] => []);
    for (let round = 0; round < 2; round += 1) {
      await Promise.all(
        turns.map(async (mine, n) => {
          const burst = burstOf(n);
          // The producers take turns, because the log gives the order, not a connection.
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
      // P2: each turn begins once, after the turn before it has ended.
      expect(past.filter((what) => !what.startsWith('turn.queued'))).toEqual(
        results.flatMap(({ seq }) => [`turn.started ${seq}`, `turn.finished ${seq}`]),
      );
      for (const { text } of results.slice(1)) expect(text).toBe(`You asked me to remember the number ${1000 + n}.`);
      // P3: a session stays with its worker and its agent until it is resumed.
      for (const [at, result] of results.entries()) {
        const before = results[at - 1];
        if (result.warmth === 'hot') expect(result).toMatchObject({ workerId: before?.workerId, pid: before?.pid });
        else if (before !== undefined) {
          expect(result.warmth).toBe('resumed');
          resumes += 1;
        }
        // A session whose next turn was in the log when its turn ended is not idle, so that it keeps its agent.
        if (at === 0 || past.indexOf(`turn.queued ${at + 1}`) > past.indexOf(`turn.finished ${at}`)) continue;
        expect(result.warmth).toBe('hot');
        kept += 1;
      }
    }
    for (const { log } of running)
      evictions += log.filter(({ event }) => event === 'session.released' || event === 'session.handed_over').length;
    // Every session but the first to find a slot waits with at least half of its turns in its log.
    expect(kept).toBeGreaterThan((sessions - workers * slots) * (turnsEach / 2 - 1));
    // Every session that returned had lost its slot, but for the last ones to be served before.
    expect(resumes).toBeGreaterThanOrEqual(comesBack - workers * slots);
    expect(resumes).toBeLessThanOrEqual(evictions);
    expect(agents.most).toBeGreaterThan(0);
    expect(agents.most).toBeLessThanOrEqual(workers * slots);
  });
}

/** The events of the session's turns, in the order of its stream. */
async function pastOf(session: Session): Promise<string[]> {
  const past: string[] = [];
  for await (const event of session.events({ after: `${(await session.summary())?.incarnation}.0` })) {
    if (event.type.startsWith('turn.') && 'seq' in event) past.push(`${event.type} ${event.seq}`);
    if (event.type === 'turn.finished' && event.seq === turnsEach) break;
  }
  return past;
}

/** Counts the agents every 100 ms, by their worker's mark and their command line. */
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

test(
  'serves 200 sessions × 20 turns on 4 workers with 10 slots in order, with one agent each between evictions',
  servesMoreThanItsSlots,
);
