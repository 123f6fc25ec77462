import { type History, isEnding, type Rule, type Violation } from '../history.js';
import type { Stream } from '../lines.js';

/** Each event of a stream comes from the agent of the worker that began the turn last. A former owner writes nothing after a claim. */
export const noOldFence: Rule = (history) =>
  history.streams.flatMap((stream) => [...foreign(stream), ...late(history, stream)]);

type Claim = ReturnType<History['ownersOn']>[number];

const rule = 'no write under an old fence';

function foreign({ sessionId, events }: Stream): Violation[] {
  const violations: Violation[] = [];
  let owner: string | undefined;
  for (const { type, at, id, workerId, says, attempt } of events) {
    if (type === 'turn.started') owner = workerId;
    if (says !== undefined && owner !== undefined && says !== owner)
      violations.push({ rule, at, what: `${sessionId} ${id}: an agent of ${says} speaks in a turn of ${owner}` });
    if (isEnding({ type }) && type === 'turn.finished' && attempt !== 0 && workerId !== owner)
      violations.push({ rule, at, what: `${sessionId} ${id}: ${workerId} ended a turn of ${owner}` });
  }
  return violations;
}

/**
 * The lock named its owner when the stream had this many events: later events are from that owner, or from a later one.
 * The writer is named by a begin, an ending, and by output of the agent itself.
 */
function late(history: History, stream: Stream): Violation[] {
  const { sessionId } = stream;
  const claims = history.ownersOn(stream);
  // The looks between which a worker wrote whose claim only the later look saw: the owner before does not write any more.
  let taken = -1;
  return stream.events.flatMap(({ type, at, id, number, says, workerId }): Violation[] => {
    const writer = says ?? workerId ?? '';
    const place = claims.findLastIndex(({ events }) => events < number);
    const [last, next] = [claims[place], claims[place + 1]];
    // The end of a withdrawn turn names no worker: it needs no owner.
    if (writer === '' || last === undefined) return [];
    if (writer === last.workerId && taken !== place) return [];
    if (mayBeOf(writer, last, next)) {
      if (isNext(last, next)) taken = place;
      return [];
    }
    const owner = taken === place ? next?.workerId : last.workerId;
    return [
      { rule, at, what: `${sessionId} ${id}: ${type} of ${writer}, though ${owner || 'no worker'} owned it before` },
    ];
  });
}

/** Whether another claim of the session is possible between two looks at its lock. */
const mayBeOf = (writer: string, last: Claim, next: Claim | undefined): boolean =>
  next !== undefined &&
  next.epoch > last.epoch &&
  // A claim that was not seen may be any worker's.
  (next.workerId === writer || !isNext(last, next));

/** Every claim increments the epoch, a release does not: with the same epoch there was no other owner in between. */
const isNext = (last: Claim, next: Claim | undefined): boolean =>
  next !== undefined && next.workerId !== '' && next.epoch === last.epoch + 1;

/** Without a change of owner a session's turns go to one worker and one agent, and the owner changes only for a reason. */
export const atHome: Rule = (history) => history.streams.flatMap((stream) => awayFromHome(history, stream));

function awayFromHome(history: History, { sessionId, events }: Stream): Violation[] {
  const starts = events.filter(({ type }) => type === 'turn.started');
  return starts.slice(1).flatMap((start, at): Violation[] => {
    const before = starts[at];
    if (before === undefined || (start.workerId === before.workerId && start.pid === before.pid)) return [];
    if (hasReason(history, sessionId, before, start)) return [];
    const what = `${sessionId}: turn ${start.seq} was served by ${start.workerId} (pid ${start.pid}), the one before by ${before.workerId} (pid ${before.pid}), for no reason`;
    return [{ rule: 'affinity', at: start.at, what }];
  });
}

function hasReason(
  history: History,
  sessionId: string,
  before: Stream['events'][number],
  start: Stream['events'][number],
): boolean {
  const workerId = before.workerId ?? '';
  // Readers and callers may learn late of a begin and an accept; the worker reports the begin at once.
  const since = history.servedAt(before) ?? history.submitOf(before.turnId ?? '')?.at ?? before.at;
  const { clockMs } = history.settings;
  const isBetween = (at: number): boolean => at >= since - clockMs && at <= start.at + clockMs;
  // The lock itself was rolled back in between.
  if (history.wasRolledBack(since, start.at)) return true;
  const released = history.all('released').some((one) => one.sessionId === sessionId && isBetween(one.at));
  const gone = history
    .all('agent_gone')
    .some((one) => isBetween(one.at) && (one.pid === before.pid || one.sessionId === sessionId));
  if (start.workerId === before.workerId) return released || gone;
  const end = history.leaseEnd(workerId);
  return released || (end !== undefined && end <= start.at + clockMs);
}
