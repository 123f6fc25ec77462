import { type History, isEnding, type Rule, type Violation } from '../history.js';
import type { Stream } from '../lines.js';

/** Each line in a stream comes from the agent of who began the turn last, and no former owner writes after a claim. */
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
 * The lock named its owner when the stream had so many events: whatever came after them is that owner's, or of who claimed after it.
 * What names its writer is a begin, an ending, and what an agent says of itself.
 */
function late(history: History, stream: Stream): Violation[] {
  const { sessionId } = stream;
  const claims = history.ownersOn(stream);
  // Between which looks somebody has written whose claim the later of them saw: the one before him does not any more.
  let taken = -1;
  return stream.events.flatMap(({ type, at, id, number, says, workerId }): Violation[] => {
    const writer = says ?? workerId ?? '';
    const place = claims.findLastIndex(({ events }) => events < number);
    const [last, next] = [claims[place], claims[place + 1]];
    // What was withdrawn names nobody: that needs no owner.
    if (writer === '' || last === undefined) return [];
    if (writer === last.workerId && taken !== place) return [];
    if (mayBeOf(writer, last, next)) {
      if (isNext(last, next)) taken = place;
      return [];
    }
    const owner = taken === place ? next?.workerId : last.workerId;
    return [
      { rule, at, what: `${sessionId} ${id}: ${type} of ${writer}, though ${owner || 'nobody'} owned it before` },
    ];
  });
}

/** Whether somebody may have claimed a session between two looks at its lock. */
const mayBeOf = (writer: string, last: Claim, next: Claim | undefined): boolean =>
  next !== undefined &&
  next.epoch > last.epoch &&
  // A claim that nobody saw may be anybody's.
  (next.workerId === writer || !isNext(last, next));

/** Every claim is another epoch, a release is none: nobody else can have had it between them. */
const isNext = (last: Claim, next: Claim | undefined): boolean =>
  next !== undefined && next.workerId !== '' && next.epoch === last.epoch + 1;

/** Between changes of owner a session's turns go to one worker and one agent, and an owner changes for a reason. */
export const atHome: Rule = (history) => history.streams.flatMap((stream) => awayFromHome(history, stream));

function awayFromHome(history: History, { sessionId, events }: Stream): Violation[] {
  const starts = events.filter(({ type }) => type === 'turn.started');
  return starts.slice(1).flatMap((start, at): Violation[] => {
    const before = starts[at];
    if (before === undefined || (start.workerId === before.workerId && start.pid === before.pid)) return [];
    if (hasReason(history, sessionId, before, start)) return [];
    const what = `${sessionId}: turn ${start.seq} met ${start.workerId} (pid ${start.pid}), the one before ${before.workerId} (pid ${before.pid}), for no reason`;
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
  // Readers may be late, and whoever submitted the turn may hear late that it was accepted; who served it said so at once.
  const since = history.servedAt(before) ?? history.submitOf(before.turnId ?? '')?.at ?? before.at;
  const { clockMs } = history.settings;
  const isBetween = (at: number): boolean => at >= since - clockMs && at <= start.at + clockMs;
  // The lock itself was rolled back between them.
  if (history.wasRolledBack(since, start.at)) return true;
  const released = history.all('released').some((one) => one.sessionId === sessionId && isBetween(one.at));
  const gone = history
    .all('agent_gone')
    .some((one) => isBetween(one.at) && (one.pid === before.pid || one.sessionId === sessionId));
  if (start.workerId === before.workerId) return released || gone;
  const end = history.leaseEnd(workerId);
  return released || (end !== undefined && end <= start.at + clockMs);
}
