import { isEnding, type Rule, type Violation } from '../history.js';

/** Nothing accepted is lost: what was accepted has one result, unless its users closed its session. */
export const nothingLost: Rule = (history) => {
  const ended = new Set(history.all('ended').flatMap(({ turnId, status }) => (status === 'gone' ? [] : [turnId])));
  const inRedis = new Map(history.all('final').flatMap(({ turns }) => turns.map((turn) => [turn.turnId, turn.status])));
  return history.all('accepted').flatMap(({ turnId, sessionId, at }): Violation[] => {
    const status = inRedis.get(turnId);
    if (status === 'finished' || status === 'failed' || (ended.has(turnId) && status === undefined)) return [];
    if (status === undefined && history.closings(sessionId).length > 0) return [];
    return [{ rule: 'nothing accepted is lost', at, what: `${turnId} of ${sessionId} is ${status ?? 'nowhere'}` }];
  });
};

/** Whoever submitted an accepted turn is told how it ended. */
export const everyCallerIsTold: Rule = (history) => {
  const told = new Set(history.all('ended').map(({ turnId }) => turnId));
  return history
    .all('accepted')
    .filter(({ turnId }) => !told.has(turnId))
    .map(({ turnId, sessionId, at }) => ({
      rule: 'every caller is told',
      at,
      what: `nobody told who waits for ${turnId} of ${sessionId}`,
    }));
};

/** At most one commit per turn, and its caller got that one. */
export const oneCommit: Rule = (history) => {
  const violations: Violation[] = [];
  const committed = new Map<string, string>();
  for (const { events } of history.streams) {
    for (const event of events.filter(isEnding)) {
      const { turnId = '', type, at } = event;
      if (committed.has(turnId))
        violations.push({ rule: 'one commit per turn', at, what: `${turnId} ended twice in its stream` });
      committed.set(turnId, type === 'turn.finished' ? 'finished' : 'failed');
    }
  }
  for (const { turnId, status, at } of history.all('ended')) {
    const type = committed.get(turnId);
    if (status !== 'gone' && type !== undefined && type !== status)
      violations.push({
        rule: 'one commit per turn',
        at,
        what: `${turnId} is ${status} to its caller, ${type} to readers`,
      });
  }
  return violations;
};
