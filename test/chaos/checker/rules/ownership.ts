import { type History, isEnding, type Rule, type Violation } from '../history.js';
import type { Stream } from '../lines.js';

/** Each line in a stream comes from the agent of who began the turn last, and no former owner writes after a claim. */
export const noOldFence: Rule = (history) =>
  history.streams.flatMap((stream) => [...foreign(stream), ...late(history, stream)]);

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

/** The lock named another worker when the stream had so many events: what a former owner began stands before. */
function late(history: History, stream: Stream): Violation[] {
  const { sessionId } = stream;
  const claims = history.ownersOn(stream);
  return stream.events.flatMap(({ type, at, id, number, workerId }): Violation[] => {
    if (type !== 'turn.started' || workerId === undefined) return [];
    // Under its last claim: the same worker may come back.
    const epoch = Math.max(...claims.filter((claim) => claim.workerId === workerId).map((claim) => claim.epoch));
    const next = claims.find((claim) => claim.epoch > epoch && claim.workerId !== workerId && claim.events < number);
    if (next === undefined || !Number.isFinite(epoch)) return [];
    return [{ rule, at, what: `${sessionId} ${id}: begun by ${workerId} after ${next.workerId} had claimed it` }];
  });
}

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
