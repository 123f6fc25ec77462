import { deadly } from '../load/turn-kinds.js';
import { isAgent, kill } from '../stage/processes.js';
import { within } from '../within.js';
import { type FaultKind, faultKind, found, nth, type Scene } from './fault.js';

/** The number of latest turns in which a running one is looked for. */
const lastTurns = 12;

/** Agents that serve a turn, as far as readers know. */
function atWork({ recorder }: Scene): { sessionId: string; pid: number }[] {
  const ended = new Set<string>();
  const running: { sessionId: string; pid: number }[] = [];
  for (let at = recorder.records.length - 1; at >= 0 && running.length < lastTurns; at -= 1) {
    const record = recorder.records[at];
    if (record?.kind !== 'event') continue;
    const turn = `${record.sessionId} ${record.seq}`;
    if (record.type === 'turn.finished' || record.type === 'turn.failed') ended.add(turn);
    if (record.type !== 'turn.started' || record.pid === undefined || ended.has(turn)) continue;
    ended.add(turn);
    if (isAgent(record.pid)) running.push({ sessionId: record.sessionId, pid: record.pid });
  }
  return running;
}

const agentKilled = faultKind(
  'an agent is killed',
  5,
  (random) => ({ which: random.next() }),
  async (scene, { which }) => {
    const killed = await found(() => {
      const agent = nth(atWork(scene), which);
      if (agent === undefined) return undefined;
      // Recorded first, so that the record precedes its effects.
      scene.recorder.note({ kind: 'agent_gone', ...agent });
      return kill(agent.pid) ? agent : undefined;
    });
    return killed && { did: 1, sessionId: killed.sessionId };
  },
);

/** The time limit of such a turn, with earlier turns and all takeovers, in ms. */
const deadlyMs = 120_000;

const deadlyTurn = faultKind(
  'a turn kills its worker each time',
  1,
  (random) => ({ which: random.next() }),
  async ({ stage, load, recorder }, { which }) => {
    const sessionId = nth(stage.settings.sessionIds, which) ?? '';
    const before = recorder.records.length;
    // The checker reports a turn that never ends.
    await within(deadlyMs, load.ask(sessionId, deadly));
    // Each of its deaths is recorded as a death of the worker.
    const deaths = recorder.records.slice(before).filter((record) => record.kind === 'death' && record.isOfItself);
    return { did: deaths.length, sessionId };
  },
);

/** No fault, but a control request that may coincide with one; only its turn ends, and once. */
const interrupted = faultKind(
  'a turn is interrupted',
  3,
  (random) => ({ which: random.next() }),
  async (scene, { which }) => {
    const stopped = await found(async () => {
      const sessionId = nth(atWork(scene), which)?.sessionId;
      if (sessionId === undefined) return undefined;
      scene.recorder.note({ kind: 'wished', sessionId });
      // After the deadline, and without Redis, the request is kept or had no effect: the end of the turn shows which.
      const interruption = await scene.stage.producers[0]
        ?.session(sessionId)
        .interrupt({ deadlineMs: 5_000 })
        .catch(() => undefined);
      return interruption?.kind === 'interrupted' ? sessionId : undefined;
    });
    return stopped === undefined ? undefined : { did: 1, sessionId: stopped };
  },
);

export const ofAgents: readonly FaultKind[] = [agentKilled, deadlyTurn, interrupted];
