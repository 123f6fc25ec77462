import { type Death, type History, isEnding, type Rule } from '../history.js';
import { obstaclesOf } from '../obstacles.js';
import type { Accepted } from '../records.js';

export interface Takeover {
  sessionId: string;
  /** Who died, and when. */
  workerId: string;
  diedAt: number;
  /** Of its first turn that waited: accepted. */
  acceptedAt: number;
  /** Served again; undefined: never. */
  servedAt: number | undefined;
  /** When it has to be served, at the latest. */
  due: number;
  /** Nothing else went wrong that it needed: it was judged by the bare promise. */
  isStrict: boolean;
}

/** Sessions of dead owners with turns that waited, and when somebody served them again. */
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

/** What was taken over from the dead, and is theirs again: Redis has forgotten the claim. Their leases may be there again, too. */
const ownersAgain = (history: History): Death[] =>
  history.rollbacks.flatMap(({ until }) =>
    history.deaths
      .filter((death) => death.at < until)
      .map(({ workerId }) => ({ workerId, at: until + lookMs, endsBy: until + history.settings.leaseTtlMs })),
  );

/** Within which it is seen whose they are, ms. */
const lookMs = 200;

/** Served within lease TTL, a sweep and one resume of its owner's death; anew from the end of what else was in its way. */
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
  // Sweeps go by their timers; a resume is work.
  const dueFrom = (at: number): number => history.doneAt(at + sweepMs, resumeMs);
  let due = dueFrom(since);
  let isStrict = true;
  for (const { from, to } of obstaclesOf(history, lost, { from: since, to: servedAt })) {
    // What came after it was late is no excuse.
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
  // Readers may be late; whoever serves says so at once.
  const found = [...seen, ...history.all('served').filter((served) => served.sessionId === sessionId)]
    .filter((sign) => sign.at > after && sign.workerId !== workerId)
    .map(({ at }) => at);
  return found.length === 0 ? undefined : Math.min(...found);
}

/** Ended without having begun: that needs no owner. */
const wasWithdrawn = ({ attempt }: { attempt?: number }): boolean => attempt === 0;

/** The first turn that had no result when its owner died, or came before anybody had taken over. */
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
  // What the dead had ended was told late, perhaps after its death; what was withdrawn, or forgotten with its session, waits for nobody.
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
