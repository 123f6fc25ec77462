import type { History, Rule, Violation } from '../history.js';
import type { Effect, SeenEvent } from '../records.js';

interface Told {
  effect: Effect;
  turnId: string;
  /** The begin under which it happened. */
  start: SeenEvent | undefined;
  /** The first begin by another agent after that. */
  next: SeenEvent | undefined;
}

/**
 * Effects but those of a time that Redis has forgotten, or of agents that had not heard of it: who lost a claim, or a turn, with it works
 * on until its next write, a lease's length at most.
 */
const settled = (history: History): readonly Effect[] =>
  history.all('effect').filter(({ at }) => !history.wasRolledBack(at, at, history.settings.leaseTtlMs));

/** Effects with the turn and the begin they belong to. */
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

/** Nobody was there to end the agents of a worker that was killed with its watchdog, until the next one with its home. */
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

/** No two agents are active for a session: none has an effect once another has begun. */
export const oneAgent: Rule = (history) =>
  told(history).flatMap((one): Violation[] => {
    const { effect, turnId, next } = one;
    if (next === undefined || isUnguarded(history, one)) return [];
    const late = effect.at - history.begunAt(next);
    if (late <= history.settings.clockMs) return [];
    const what = `${effect.text} of ${turnId} by pid ${effect.pid}, ${late} ms after pid ${next.pid} had begun`;
    return [{ rule: 'no two agents for a session', at: effect.at, what }];
  });

/** No effect after its owner's lease has ended. */
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

/** No effect twice without a `retry` policy; and a finished turn had all of its effects. */
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
