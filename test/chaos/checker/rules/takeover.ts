import { type History, isEnding, type Rule } from '../history.js';
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
}

/** Sessions of dead owners with turns that waited, and when somebody served them again. */
export function takeovers(history: History): Takeover[] {
  const deaths = history.all('fault').filter(({ isDeath, workerId }) => isDeath === true && workerId !== undefined);
  return deaths.flatMap(({ at, workerId = '' }) =>
    ownedBy(history, workerId, at).flatMap((sessionId): Takeover[] => {
      // What waited was forgotten with the session.
      if (history.wasClosed(sessionId)) return [];
      const servedAt = firstSign(history, sessionId, workerId, at);
      const waiting = firstWaiting(history, { sessionId, workerId, diedAt: at, servedAt });
      if (waiting === undefined) return [];
      return [{ sessionId, workerId, diedAt: at, acceptedAt: waiting.at, servedAt }];
    }),
  );
}

/** Served within lease TTL, a sweep and one resume of its owner's death. */
export const inTime: Rule = (history) => {
  const { leaseTtlMs, sweepMs, resumeMs } = history.settings;
  return takeovers(history).flatMap(
    ({ sessionId, workerId, diedAt, acceptedAt, servedAt = Number.POSITIVE_INFINITY }) => {
      const due = Math.max(diedAt + leaseTtlMs, acceptedAt) + sweepMs + resumeMs;
      const late = servedAt - due - history.disturbedMs(diedAt, Math.min(servedAt, due + 60_000), workerId);
      if (late <= 0) return [];
      const what = `${sessionId} of ${workerId}: ${Number.isFinite(late) ? `${Math.round(late)} ms late` : 'never'}`;
      return [{ rule: 'takeover in time', at: diedAt, what }];
    },
  );
};

function ownedBy(history: History, workerId: string, at: number): string[] {
  const owners = new Map<string, string>();
  for (const owner of history.all('owner')) if (owner.at <= at) owners.set(owner.sessionId, owner.workerId);
  return [...owners].flatMap(([sessionId, owner]) => (owner === workerId ? [sessionId] : []));
}

function firstSign(history: History, sessionId: string, workerId: string, after: number): number | undefined {
  const found = history.streams
    .filter((stream) => stream.sessionId === sessionId)
    .flatMap(({ events }) => events)
    .filter((event) => event.at > after && (event.type === 'turn.started' || isEnding(event)))
    .filter((event) => event.workerId !== workerId)
    .map(({ at }) => at);
  return found.length === 0 ? undefined : Math.min(...found);
}

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
  // What the dead had ended was told late, perhaps after its death.
  const endings = history.streams.filter((stream) => stream.sessionId === sessionId).flatMap(({ events }) => events);
  const endedByIt = new Set(
    endings.flatMap((event) => (isEnding(event) && event.workerId === workerId ? [event.turnId] : [])),
  );
  return history
    .all('accepted')
    .filter(
      (turn) => turn.sessionId === sessionId && turn.at < Math.min(servedAt, diedAt + history.settings.leaseTtlMs),
    )
    .filter(({ turnId }) => !endedByIt.has(turnId))
    .find(({ turnId }) => (endedAt.get(turnId) ?? Number.POSITIVE_INFINITY) > diedAt + history.settings.clockMs);
}
