import type { History } from './history.js';
import type { FaultSeen } from './records.js';

/** An interval in which a takeover could not progress. `to` is when it could start again. */
export interface Obstacle {
  from: number;
  to: number;
}

/** The obstacles between the death of an owner and the session's next turn: only faults of parts that the takeover needs. */
export function obstaclesOf(
  history: History,
  { sessionId, workerId }: { sessionId: string; workerId: string },
  window: Obstacle,
): Obstacle[] {
  return [
    ...redisAway(history),
    ...bellsAway(history),
    ...tooFew(history),
    ...hearersHit(history, window),
    ...holdersHit(history, holdings(history, sessionId, workerId), window),
    ...agentsHit(history, sessionId),
  ].sort((a, b) => a.from - b.from);
}

/** Leases that could not be renewed during the fault may have to end first. */
const redisAway = (history: History): Obstacle[] =>
  history
    .all('fault')
    .filter(({ away }) => away === 'redis')
    .map(({ at, until }) => ({ from: at, to: until + history.settings.reconnectMs + history.settings.leaseTtlMs }));

/** The ring of the worker that finds the owner dead may be lost, and the next ring, too. The sweep after that rings again. */
const bellsAway = (history: History): Obstacle[] =>
  history
    .all('fault')
    .filter(({ away }) => away === 'bells')
    .map(({ at, until }) => ({ from: at, to: until + 3 * history.settings.lookAfterMs }));

/**
 * Workers that wait at admission are woken one at a time. A worker that loses its replies wakes none until it asks again. The dead
 * owner's lease may have ended, and the turn been rung, before that.
 */
const hearersHit = (history: History, window: Obstacle): Obstacle[] =>
  history
    .all('fault')
    .filter(({ workerId, away }) => workerId !== undefined && away === 'way')
    .map(({ at, until }) => ({ from: at, to: until + history.settings.reconnectMs }))
    .filter(({ from, to }) => to >= window.from && from <= window.to);

/** Intervals in which the serving workers have fewer slots than there are sessions. A started worker starts its spares first. */
function tooFew(history: History): Obstacle[] {
  const { slots, resumeMs } = history.settings;
  const sessions = new Set(history.all('submit').map((submit) => submit.sessionId)).size;
  const spans = servingSpans(history);
  const moments = [...new Set(spans.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b);
  const found: Obstacle[] = [];
  for (const [at, from] of moments.entries()) {
    const serving = spans.filter((span) => span.from <= from && span.to > from).length;
    const to = moments[at + 1] ?? Number.POSITIVE_INFINITY;
    if (serving * slots >= sessions) continue;
    const last = found.at(-1);
    if (last?.to === from) last.to = to;
    else found.push({ from, to });
  }
  const begins = new Set(history.all('worker').flatMap(({ state, at }) => (state === 'serves' ? [at] : [])));
  return found.map(({ from, to }) => ({ from, to: begins.has(to) ? history.doneAt(to, resumeMs) : to }));
}

/** Per worker, the intervals in which it could serve. */
function servingSpans(history: History): Obstacle[] {
  return history
    .all('worker')
    .filter(({ state }) => state === 'serves')
    .flatMap(({ at, workerId }) => {
      const whole = { from: at, to: Math.min(history.overAt(workerId), history.deathOf(workerId)?.at ?? Infinity) };
      return awayOf(history, workerId).reduce((spans, gap) => spans.flatMap((span) => cutOut(span, gap)), [whole]);
    });
}

function cutOut(span: Obstacle, gap: Obstacle): Obstacle[] {
  if (gap.to <= span.from || gap.from >= span.to) return [span];
  return [
    { from: span.from, to: gap.from },
    { from: gap.to, to: span.to },
  ].filter(({ from, to }) => to > from);
}

const awayOf = (history: History, workerId: string): Obstacle[] =>
  history
    .all('fault')
    .filter((fault) => fault.workerId === workerId && fault.away === 'worker')
    .map(({ at, until }) => ({ from: at, to: until }));

/** Faults that hit a worker while it had the session or its doorbell. */
function holdersHit(history: History, held: readonly Holding[], window: Obstacle): Obstacle[] {
  const { leaseTtlMs, reconnectMs, clockMs } = history.settings;
  return held
    .filter(({ from, to }) => to >= window.from && from <= window.to)
    .flatMap(({ workerId, isBell, ...span }) => {
      const isHit = ({ at, until }: Pick<FaultSeen, 'at' | 'until'>): boolean =>
        until >= span.from - clockMs && at <= span.to + clockMs;
      const faults = history
        .all('fault')
        .filter(
          (fault) => fault.workerId === workerId && (fault.away === 'worker' || fault.away === 'way') && isHit(fault),
        )
        .map(({ at, until, away }) => {
          // A doorbell lost on its way to a living worker is recovered only by BullMQ.
          const stalledMs = isBell ? 2 * leaseTtlMs : 0;
          return { from: at, to: until + (away === 'way' ? reconnectMs + stalledMs : 0) };
        });
      const death = history.deathOf(workerId);
      const died = death !== undefined && isHit({ at: death.at, until: death.at });
      return died ? [...faults, { from: death.at, to: death.endsBy }] : faults;
    });
}

interface Holding extends Obstacle {
  workerId: string;
  isBell: boolean;
}

/** The workers that had the session or its doorbell, except the dead one. */
function holdings(history: History, sessionId: string, dead: string): Holding[] {
  return (['owner', 'bell'] as const).flatMap((kind) => {
    const seen = [...history.all(kind)].filter((one) => one.sessionId === sessionId);
    return seen.flatMap(({ at, workerId }, place): Holding[] => {
      const to = seen[place + 1]?.at ?? Number.POSITIVE_INFINITY;
      return workerId === '' || workerId === dead ? [] : [{ from: at, to, workerId, isBell: kind === 'bell' }];
    });
  });
}

/** An agent of the session itself was hit: another one is needed. */
const agentsHit = (history: History, sessionId: string): Obstacle[] =>
  history
    .all('fault')
    .filter((fault) => fault.sessionId === sessionId && fault.workerId === undefined)
    .map(({ at, until }) => ({ from: at, to: until }));
