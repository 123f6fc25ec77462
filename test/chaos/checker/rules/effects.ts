import type { History, Rule, Violation } from '../history.js';
import type { Effect, SeenEvent } from '../records.js';

interface Told {
  effect: Effect;
  turnId: string;
  /** The begin that the effect belongs to. */
  start: SeenEvent | undefined;
  /** The first later begin by another agent. */
  next: SeenEvent | undefined;
}

/**
 * Effects, except those from a time that Redis forgot, and those of agents that had not noticed: an owner whose claim or turn was
 * forgotten continues until its next write, at most for one lease TTL.
 */
const settled = (history: History): readonly Effect[] =>
  history.all('effect').filter(({ at }) => !history.wasRolledBack(at, at, history.settings.leaseTtlMs));

/** Effects with their turns and begins. */
function told(history: History): Told[] {
  const turnOf = new Map(history.all('submit').flatMap(({ turnId, effects }) => effects.map((text) => [text, turnId])));
  const starts = history.streams.map(({ events }) => events.filter(({ type }) => type === 'turn.started'));
  return settled(history).map((effect) => {
    const turnId = turnOf.get(effect.text) ?? '';
    for (const of of starts) {
      const at = of.findLastIndex((start) => start.turnId === turnId && start.pid === effect.pid);
      if (at >= 0)
        return { effect, turnId, start: of[at], next: of.slice(at + 1).find(({ pid }) => pid !== effect.pid) };
    }
    return { effect, turnId, start: undefined, next: undefined };
  });
}

/** No process ends the agents of a worker that was killed with its watchdog until another worker gets its home. */
const isUnguarded = (history: History, { effect, start }: Told): boolean =>
  history
    .all('fault')
    .some(
      ({ isUnguarded: was, workerId, at, until }) =>
        was === true &&
        workerId === start?.workerId &&
        effect.at >= at &&
        effect.at <= until + history.settings.clockMs,
    );

/** At most one agent is active for a session: an agent has no effect after another one began. */
export const oneAgent: Rule = (history) =>
  told(history).flatMap((one): Violation[] => {
    const { effect, turnId, next } = one;
    if (next === undefined || isUnguarded(history, one)) return [];
    const late = effect.at - history.begunAt(next);
    if (late <= history.settings.clockMs) return [];
    const what = `${effect.text} of ${turnId} by pid ${effect.pid}, ${late} ms after pid ${next.pid} had begun`;
    return [{ rule: 'no two agents for a session', at: effect.at, what }];
  });

/** No effect after the end of its owner's lease. */
export const underLease: Rule = (history) =>
  told(history).flatMap((one): Violation[] => {
    const { effect, turnId, start } = one;
    const end = start?.workerId === undefined ? undefined : history.leaseEnd(start.workerId);
    if (end === undefined || isUnguarded(history, one) || effect.at <= end + history.settings.clockMs) return [];
    const what = `${effect.text} of ${turnId}, ${effect.at - end} ms after the lease of ${start?.workerId}`;
    return [{ rule: "no effect after its owner's lease", at: effect.at, what }];
  });

/** No effect without a turn that began. */
export const fromATurn: Rule = (history) =>
  told(history)
    .filter(({ turnId, start }) => turnId === '' || start === undefined)
    .map(({ effect, turnId }) => ({
      rule: 'no effect without a begin',
      at: effect.at,
      what: `${effect.text} of ${turnId || 'no turn'} by pid ${effect.pid}`,
    }));

/** No effect happens twice without a `retry` policy, and a finished turn had all its effects. */
export const oncePerTurn: Rule = (history) => {
  const ever = new Set(history.all('effect').map(({ text }) => text));
  const counts = new Map<string, Effect[]>();
  for (const effect of settled(history)) counts.set(effect.text, [...(counts.get(effect.text) ?? []), effect]);
  const finished = new Set(
    history.all('ended').flatMap(({ turnId, status }) => (status === 'finished' ? [turnId] : [])),
  );
  return history.all('submit').flatMap(({ turnId, onInterrupted, effects, at }) =>
    effects.flatMap((text): Violation[] => {
      const happened = counts.get(text) ?? [];
      if (happened.length > 1 && onInterrupted === 'fail')
        return [
          {
            rule: 'no effect twice',
            at: happened[1]?.at ?? at,
            what: `${text} of ${turnId}: ${happened.length} times`,
          },
        ];
      if (!ever.has(text) && finished.has(turnId))
        return [{ rule: 'a finished turn had its effects', at, what: `${text} of ${turnId} never happened` }];
      return [];
    }),
  );
};
