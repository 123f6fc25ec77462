import { type Death, type History, isEnding, type Rule } from '../history.js';
import { obstaclesOf } from '../obstacles.js';
import type { Accepted } from '../records.js';

export interface Takeover {
  sessionId: string;
  /** The dead owner, and the time of its death. */
  workerId: string;
  diedAt: number;
  /** The accept of its first waiting turn. */
  acceptedAt: number;
  /** When the session was served again; undefined: never. */
  servedAt: number | undefined;
  /** The latest time at which the session has to be served. */
  due: number;
  /** No other fault interfered: the takeover was checked against the unmodified bound. */
  isStrict: boolean;
}

/** Sessions of dead owners with waiting turns, and when another worker served them. */
export function takeovers(history: History): Takeover[] {
  return [...history.deaths, ...ownersAgain(history)].flatMap(({ workerId, at: diedAt, endsBy }) =>
    ownedBy(history, workerId, diedAt).flatMap((sessionId): Takeover[] => {
      const servedAt = firstSign(history, sessionId, workerId, diedAt);
      const waiting = firstWaiting(history, { sessionId, workerId, diedAt, servedAt });
      if (waiting === undefined) return [];
      const acceptedAt = waiting.at;
      const since = Math.max(endsBy, acceptedAt);
      const judged = dueOf(history, { sessionId, workerId }, since, servedAt);
      return [{ sessionId, workerId, diedAt, acceptedAt, servedAt, ...judged }];
    }),
  );
}

/** A takeover that Redis forgot: the session is the dead owner's again, whose lease may be restored, too. */
const ownersAgain = (history: History): Death[] =>
  history.rollbacks.flatMap(({ until }) =>
    history.deaths
      .filter((death) => death.at < until)
      .map(({ workerId }) => ({ workerId, at: until + lookMs, endsBy: until + history.settings.leaseTtlMs })),
  );

/** The time within which the owner of a session is determined, in ms. */
const lookMs = 200;

/** Served within lease TTL, one sweep and one resume after the owner's death; counted again from the end of each obstacle. */
export const inTime: Rule = (history) =>
  takeovers(history).flatMap(({ sessionId, workerId, diedAt, due, servedAt = Number.POSITIVE_INFINITY }) => {
    if (servedAt <= due) return [];
    const late = servedAt - due;
    const what = `${sessionId} of ${workerId}: ${Number.isFinite(late) ? `${Math.round(late)} ms late` : 'never'}`;
    return [{ rule: 'takeover in time', at: diedAt, what }];
  });

function dueOf(
  history: History,
  lost: Pick<Takeover, 'sessionId' | 'workerId'>,
  since: number,
  servedAt = Number.POSITIVE_INFINITY,
): Pick<Takeover, 'due' | 'isStrict'> {
  const { sweepMs, resumeMs } = history.settings;
  // Sweeps depend on timers; a resume depends on the machine's pace.
  const dueFrom = (at: number): number => history.doneAt(at + sweepMs, resumeMs);
  let due = dueFrom(since);
  let isStrict = true;
  for (const { from, to } of obstaclesOf(history, lost, { from: since, to: servedAt })) {
    // An obstacle that began after the deadline is no excuse.
    if (from > due) break;
    const anew = dueFrom(to);
    if (anew <= due) continue;
    due = anew;
    isStrict = false;
  }
  return { due, isStrict };
}

function ownedBy(history: History, workerId: string, at: number): string[] {
  const owners = new Map<string, string>();
  for (const owner of history.all('owner')) if (owner.at <= at) owners.set(owner.sessionId, owner.workerId);
  return [...owners].flatMap(([sessionId, owner]) => (owner === workerId ? [sessionId] : []));
}

function firstSign(history: History, sessionId: string, workerId: string, after: number): number | undefined {
  const seen = history.streams
    .filter((stream) => stream.sessionId === sessionId)
    .flatMap(({ events }) => events)
    .filter((event) => event.type === 'turn.started' || (isEnding(event) && !wasWithdrawn(event)));
  // Readers may see a begin late; the worker reports it at once.
  const found = [...seen, ...history.all('served').filter((served) => served.sessionId === sessionId)]
    .filter((sign) => sign.at > after && sign.workerId !== workerId)
    .map(({ at }) => at);
  return found.length === 0 ? undefined : Math.min(...found);
}

/** Ended without a begin: that needs no owner. */
const wasWithdrawn = ({ attempt }: { attempt?: number }): boolean => attempt === 0;

/** The first turn without a result at its owner's death, or submitted before a takeover. */
function firstWaiting(
  history: History,
  {
    sessionId,
    workerId,
    diedAt,
    servedAt = Number.POSITIVE_INFINITY,
  }: Pick<Takeover, 'sessionId' | 'workerId' | 'diedAt' | 'servedAt'>,
): Accepted | undefined {
  const endedAt = new Map(history.all('ended').map(({ turnId, at }) => [turnId, at]));
  const endings = history.streams
    .filter((stream) => stream.sessionId === sessionId)
    .flatMap(({ events }) => events)
    .filter(isEnding);
  // The endings of a dead worker may be seen after its death; withdrawn and forgotten turns wait for no worker.
  const needsNobody = new Set(
    endings.flatMap((event) => (event.workerId === workerId || wasWithdrawn(event) ? [event.turnId] : [])),
  );
  const forgotten = new Set(history.all('ended').flatMap(({ turnId, status }) => (status === 'gone' ? [turnId] : [])));
  const closedAt = history.closings(sessionId).map(({ at }) => at);
  return history
    .all('accepted')
    .filter(
      (turn) => turn.sessionId === sessionId && turn.at < Math.min(servedAt, diedAt + history.settings.leaseTtlMs),
    )
    .filter(
      ({ turnId, at }) => !needsNobody.has(turnId) && !closedAt.some((closed) => closed >= at && closed <= servedAt),
    )
    .filter(({ turnId }) => !forgotten.has(turnId))
    .find(({ turnId }) => (endedAt.get(turnId) ?? Number.POSITIVE_INFINITY) > diedAt + history.settings.clockMs);
}
