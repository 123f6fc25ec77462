import { type History, isEnding, type Rule, type Violation } from '../history.js';
import type { Accepted, Posted } from '../records.js';

/** Nothing accepted is lost: what was accepted has one result, unless its users closed its session after that. */
export const nothingLost: Rule = (history) => {
  const rule = 'nothing accepted is lost';
  const { clockMs } = history.settings;
  const goneAt = new Map(
    history.all('ended').flatMap(({ turnId, status, at }) => (status === 'gone' ? [[turnId, at]] : [])),
  );
  const inRedis = new Map(history.all('final').flatMap(({ turns }) => turns.map((turn) => [turn.turnId, turn.status])));
  // Users closed its session after it was accepted; or Redis forgot that it was: what was before is there.
  const isForgotten = (turn: Accepted, until: number): boolean =>
    history.closings(turn.sessionId).some((closing) => turn.at <= closing.until + clockMs && closing.at <= until) ||
    history.wasRolledBack(acceptedFrom(history, turn), acceptedBy(history, turn));
  const turns = history.all('accepted').flatMap((turn): Violation[] => {
    const { turnId, sessionId, at } = turn;
    const status = inRedis.get(turnId);
    const toldAt = goneAt.get(turnId);
    const isThere = status === 'finished' || status === 'failed';
    if (isThere && toldAt === undefined) return [];
    if ((isThere || status === undefined) && isForgotten(turn, toldAt ?? Number.POSITIVE_INFINITY)) return [];
    const is = `${turnId} of ${sessionId} is ${status ?? 'nowhere'}`;
    return [{ rule, at, what: toldAt === undefined ? is : `${is}, and its caller was told that it is gone` }];
  });
  return [...turns, ...endedSessions(history)];
};

/** Whoever submits is told after the ring, and that may wait for Redis: it was accepted between their asking and whatever told of it first. */
const acceptedFrom = (history: History, { turnId, at }: Accepted): number => history.submitOf(turnId)?.at ?? at;

function acceptedBy(history: History, { turnId, at }: Accepted): number {
  const queued = history.streams.flatMap(({ events }) =>
    events.flatMap((event) => (event.type === 'turn.queued' && event.turnId === turnId ? [event.at] : [])),
  );
  return Math.min(at, ...queued);
}

/** A session becomes another only when its users closed it, or Redis forgot that it was opened. */
function endedSessions(history: History): Violation[] {
  const current = new Map<string, { incarnation: string; at: number }>();
  return history.all('owner').flatMap(({ sessionId, incarnation, at }): Violation[] => {
    const before = current.get(sessionId);
    if (before?.incarnation === incarnation) return [];
    current.set(sessionId, { incarnation, at });
    if (before === undefined || history.wasRolledBack(before.at, at)) return [];
    if (history.closings(sessionId).some((closing) => closing.until >= before.at && closing.at <= at)) return [];
    return [{ rule: 'nothing accepted is lost', at, what: `${sessionId} became another, and nobody had closed it` }];
  });
}

/** Whoever submitted an accepted turn, or added a job that brings one, is told how it ended. */
export const everyCallerIsTold: Rule = (history) => {
  const told = new Set(history.all('ended').map(({ turnId }) => turnId));
  const posted = new Map(history.all('posted').map((job) => [job.turnId, job]));
  return [...history.all('accepted'), ...posted.values()]
    .filter(({ turnId }) => !told.has(turnId))
    .map(({ turnId, sessionId, at }) => ({
      rule: 'every caller is told',
      at,
      what: `nobody told who waits for ${turnId} of ${sessionId}`,
    }));
};

/** A job that brings its own turn is in nobody's log before it is due, by the clocks of those that may put it among those that wait. */
export const notBeforeDue: Rule = (history) => {
  const jobs = new Map(history.all('posted').map((job) => [job.turnId, job]));
  return history.streams.flatMap(({ events }) =>
    events.flatMap(({ type, turnId = '', at }): Violation[] => {
      const job = type === 'turn.queued' ? jobs.get(turnId) : undefined;
      if (job === undefined || isDue(history, job, at)) return [];
      const what = `${turnId} was queued ${job.dueAt - at} ms early`;
      return [{ rule: 'nothing before it is due', at, what }];
    }),
  );
};

/** By a right clock, or by one that was ahead: what it lets wait is anybody's to take later, when that clock is right again. */
function isDue(history: History, { turnId, dueAt, at: postedAt }: Posted, at: number): boolean {
  const { clockMs } = history.settings;
  if (dueAt <= at + clockMs) return true;
  // That it was added may have been told late.
  const since = history.submitOf(turnId)?.at ?? postedAt;
  return history.all('fault').some(({ at: from, until, aheadMs = 0 }) => {
    const isMeanwhile = from <= at && since <= until + clockMs;
    return isMeanwhile && dueAt <= Math.min(at, until) + aheadMs + clockMs;
  });
}

/** At most one commit per turn, and its caller got that one; where Redis forgot one, either. */
export const oneCommit: Rule = (history) => {
  const violations: Violation[] = [];
  const rule = 'one commit per turn';
  const endings = new Map<string, Set<string>>();
  for (const { events } of history.streams) {
    const committed = new Set<string>();
    for (const event of events.filter(isEnding)) {
      const { turnId = '', type, at } = event;
      if (committed.has(turnId)) violations.push({ rule, at, what: `${turnId} ended twice in its stream` });
      committed.add(turnId);
      const known = endings.get(turnId) ?? new Set();
      endings.set(turnId, known.add(type === 'turn.finished' ? 'finished' : 'failed'));
    }
  }
  const inRedis = new Map(history.all('final').flatMap(({ turns }) => turns.map((turn) => [turn.turnId, turn.status])));
  for (const { turnId, status, at } of history.all('ended')) {
    if (status === 'gone') continue;
    const types = endings.get(turnId);
    const kept = inRedis.get(turnId);
    if (types !== undefined && !types.has(status))
      violations.push({ rule, at, what: `${turnId} is ${status} to its caller, ${[...types].join()} to readers` });
    else if (kept !== undefined && kept !== status && !history.wasRolledBack(at))
      violations.push({ rule, at, what: `${turnId} is ${status} to its caller, ${kept} in Redis` });
  }
  return violations;
};
