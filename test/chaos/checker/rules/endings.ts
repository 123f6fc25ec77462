import { type History, isEnding, type Rule, type Violation } from '../history.js';
import type { Ended } from '../records.js';

/** A turn whose agent became silent does not finish, nor does the first attempt of a turn whose agent died in it. */
export const asItsAgentWas: Rule = (history) =>
  history.all('ended').flatMap(({ turnId, status, at, attempt }): Violation[] => {
    const { hangs, crashes } = history.submitOf(turnId) ?? {};
    const rule = 'a turn ends as its agent was';
    if (status !== 'finished') return [];
    if (hangs === true) return [{ rule, at, what: `${turnId} finished, though its agent had said nothing more` }];
    // Attempts that Redis forgot are not counted.
    const isForgotten = history.wasRolledBack(history.acceptedAt(turnId) ?? at, at);
    if (crashes !== true || attempt !== 1 || isForgotten) return [];
    return [{ rule, at, what: `${turnId} finished at its first attempt, though its agent had died in it` }];
  });

/** The maximum number of begins of one turn, across owners. */
const attemptsAllowed = 3;
/** When work takes this many times longer, time limits may end healthy turns, too. */
const muchSlower = 5;

/** A turn fails because of its agent, or because it was stopped, never because of faults of workers and Redis alone. */
export const forAReason: Rule = (history) =>
  history.all('ended').flatMap((ended): Violation[] => {
    const { turnId, sessionId, code = '', status, at } = ended;
    if (status !== 'failed' || reasons[code]?.(history, ended) === true) return [];
    return [{ rule: 'a turn fails for a reason', at, what: `${turnId} of ${sessionId} failed with ${code}` }];
  });

type Reason = (history: History, ended: Ended) => boolean;

const clock: Reason = (history, { turnId, at }) =>
  history.submitOf(turnId)?.hangs === true ||
  history
    .all('pace')
    .some((pace) => pace.at >= since(history, turnId, at) && pace.at <= at && pace.slower >= muchSlower);

const wasStopped: Reason = (history, { sessionId, turnId, at }) =>
  [...history.all('wished'), ...history.closings(sessionId)].some(
    (request) => request.sessionId === sessionId && request.at <= at && request.at >= since(history, turnId, at),
  );

/** Whether a tool of the turn passed the gate before the end. True also when readers missed that part, or Redis forgot it. */
function reachedTool(history: History, { sessionId, turnId, at }: Ended): boolean {
  if (history.wasRolledBack(since(history, turnId, at), at)) return true;
  const seen = history.streams.flatMap(({ sessionId: of, events }) => {
    const place = of === sessionId ? events.findIndex((event) => isEnding(event) && event.turnId === turnId) : -1;
    const ending = events[place];
    return ending === undefined ? [] : [{ events, place, ending }];
  });
  if (seen.length === 0) return true;
  return seen.some(({ events, place, ending }) => {
    const queued = events.findIndex(({ type, seq }) => type === 'turn.queued' && seq === ending.seq);
    const isWhole = queued >= 0 && ending.number - (events[queued]?.number ?? 0) === place - queued;
    return (
      !isWhole || events.slice(queued, place).some(({ type, seq }) => type === 'tool.started' && seq === ending.seq)
    );
  });
}

const reasons: Readonly<Record<string, Reason>> = {
  first_event_timeout: clock,
  silence_timeout: clock,
  turn_timeout: clock,
  agent_crashed: (_history, { attempt = 0 }) => attempt >= attemptsAllowed,
  cancelled: wasStopped,
  interrupted: (history, ended) => {
    const { effects = [], onInterrupted } = history.submitOf(ended.turnId) ?? {};
    return (
      (effects.length > 0 && onInterrupted === 'fail' && reachedTool(history, ended)) || wasStopped(history, ended)
    );
  },
};

const since = (history: History, turnId: string, at: number): number => history.submitOf(turnId)?.at ?? at;
