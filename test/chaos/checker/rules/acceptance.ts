import { type History, isEnding, type Rule, type Violation } from '../history.js';
import type { Accepted, Posted } from '../records.js';

/** No accepted turn is lost: it has one result, unless users closed its session after it was accepted. */
export const nothingLost: Rule = (history) => {
  const rule = 'nothing accepted is lost';
  const { clockMs } = history.settings;
  const goneAt = new Map(
    history.all('ended').flatMap(({ turnId, status, at }) => (status === 'gone' ? [[turnId, at]] : [])),
  );
  const inRedis = new Map(history.all('final').flatMap(({ turns }) => turns.map((turn) => [turn.turnId, turn.status])));
  // Either users closed its session after the accept, or Redis forgot the accept; earlier turns are kept.
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

/** The caller gets its answer after the ring, which may wait for Redis: the turn was accepted between the request and its first trace. */
const acceptedFrom = (history: History, { turnId, at }: Accepted): number => history.submitOf(turnId)?.at ?? at;

function acceptedBy(history: History, { turnId, at }: Accepted): number {
  const queued = history.streams.flatMap(({ events }) =>
    events.flatMap((event) => (event.type === 'turn.queued' && event.turnId === turnId ? [event.at] : [])),
  );
  return Math.min(at, ...queued);
}

/** A session is replaced by a new one only when users closed it, or when Redis forgot that it was opened. */
function endedSessions(history: History): Violation[] {
  const current = new Map<string, { incarnation: string; at: number }>();
  return history.all('owner').flatMap(({ sessionId, incarnation, at }): Violation[] => {
    const before = current.get(sessionId);
    if (before?.incarnation === incarnation) return [];
    current.set(sessionId, { incarnation, at });
    if (before === undefined || history.wasRolledBack(before.at, at)) return [];
    if (history.closings(sessionId).some((closing) => closing.until >= before.at && closing.at <= at)) return [];
    return [{ rule: 'nothing accepted is lost', at, what: `${sessionId} was replaced, and no user had closed it` }];
  });
}

/** The caller of an accepted turn, or of a job that brings one, learns how the turn ended. */
export const everyCallerIsTold: Rule = (history) => {
  const told = new Set(history.all('ended').map(({ turnId }) => turnId));
  const posted = new Map(history.all('posted').map((job) => [job.turnId, job]));
  return [...history.all('accepted'), ...posted.values()]
    .filter(({ turnId }) => !told.has(turnId))
    .map(({ turnId, sessionId, at }) => ({
      rule: 'every caller is told',
      at,
      what: `the caller of ${turnId} of ${sessionId} was told no ending`,
    }));
};

/** A job that brings its own turn is in no log before it is due, by the clocks of the workers that may move it to the waiting jobs. */
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

/** By a right clock, or by one that was ahead: a job that it moved can be taken later by any worker, when that clock is right again. */
function isDue(history: History, { turnId, dueAt, at: postedAt }: Posted, at: number): boolean {
  const { clockMs } = history.settings;
  if (dueAt <= at + clockMs) return true;
  // The caller may have been told late that the job was added.
  const since = history.submitOf(turnId)?.at ?? postedAt;
  return history.all('fault').some(({ at: from, until, aheadMs = 0 }) => {
    const isMeanwhile = from <= at && since <= until + clockMs;
    return isMeanwhile && dueAt <= Math.min(at, until) + aheadMs + clockMs;
  });
}

/** A turn is committed at most once, and its caller got that result. Where Redis forgot one commit, either of two is right. */
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
