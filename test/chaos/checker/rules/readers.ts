import type { History, Rule, Violation } from '../history.js';
import { placeOf, type Stream } from '../lines.js';
import type { SeenEvent } from '../records.js';

const rule = "every reader's view is complete";

/** Each reader gets every event once, in order, or one explicit stream.expired, and all readers get the same. */
export const completeViews: Rule = (history) => {
  const byReader = new Map<string, SeenEvent[]>();
  for (const event of history.all('event')) {
    const key = `${event.reader} ${event.sessionId}`;
    const seen = byReader.get(key);
    if (seen === undefined) byReader.set(key, [event]);
    else seen.push(event);
  }
  return [
    ...[...byReader].flatMap(([reader, seen]) => dense(history, reader, seen)),
    ...toTheEnd(history, byReader),
    ...agreeing(history),
  ];
};

function dense(history: History, reader: string, seen: readonly SeenEvent[]): Violation[] {
  return seen.flatMap((event, at): Violation[] => {
    const before = seen[at - 1];
    const isExpired = event.type === 'stream.expired';
    if (isExpired ? mayExpire(history, before, event) : follows(before, event)) return [];
    const what = isExpired ? `told at ${event.id} that its stream expired` : event.id;
    return [{ rule, at: event.at, what: `${reader}: ${what}, after ${before?.id ?? 'nothing'}` }];
  });
}

function follows(before: SeenEvent | undefined, event: SeenEvent): boolean {
  if (before === undefined) return true;
  const [from, to] = [placeOf(before.id), placeOf(event.id)];
  return to.incarnation === from.incarnation && to.number === from.number + 1;
}

/** Whether the events that a reader missed could have been deleted. */
function mayExpire(history: History, before: SeenEvent | undefined, expired: SeenEvent): boolean {
  const { eventsKept, eventsTtlMs, clockMs } = history.settings;
  const place = placeOf(expired.id);
  const from = before === undefined ? { incarnation: place.incarnation, number: 0 } : placeOf(before.id);
  const since = before?.at ?? 0;
  const isAnother = place.incarnation !== from.incarnation;
  if (isAnother || place.number < from.number) {
    if (history.rollbacks.some(({ until }) => until >= since - clockMs && until <= expired.at + clockMs)) return true;
    const opened = streamsOf(history, expired.sessionId, from.incarnation)[0]?.events[0]?.at ?? since;
    return isAnother && history.closings(expired.sessionId).some(({ at }) => at >= opened && at <= expired.at);
  }
  if (expired.at - since >= eventsTtlMs) return true;
  const known = streamsOf(history, expired.sessionId, place.incarnation).map(
    ({ events }) => events.at(-1)?.number ?? 0,
  );
  return Math.max(0, ...known) >= place.number + eventsKept;
}

const streamsOf = (history: History, sessionId: string, incarnation: string): Stream[] =>
  history.streams.filter((one) => one.sessionId === sessionId && one.incarnation === incarnation);

function toTheEnd(history: History, byReader: ReadonlyMap<string, readonly SeenEvent[]>): Violation[] {
  const finals = new Map(history.all('final').map((final) => [final.sessionId, final]));
  return history.all('reader_end').flatMap(({ reader, sessionId, at }): Violation[] => {
    const final = finals.get(sessionId);
    const last = byReader.get(`${reader} ${sessionId}`)?.at(-1);
    if (final === undefined || final.lastEvent === 0) return [];
    const id = `${final.incarnation}.${final.lastEvent}`;
    if (last?.id === id) return [];
    return [{ rule, at, what: `${reader} ${sessionId}: ended at ${last?.id ?? 'nothing'}, the stream at ${id}` }];
  });
}

function agreeing(history: History): Violation[] {
  const known = new Map<string, SeenEvent>();
  return history.all('event').flatMap((event): Violation[] => {
    if (event.type === 'stream.expired') return [];
    const key = `${event.sessionId} ${event.id} ${history.lostWith(event) ?? ''}`;
    const other = known.get(key);
    known.set(key, other ?? event);
    if (other === undefined || (other.type === event.type && other.seq === event.seq)) return [];
    return [
      {
        rule,
        at: event.at,
        what: `${event.sessionId} ${event.id} is ${other.type} to ${other.reader}, ${event.type} to ${event.reader}`,
      },
    ];
  });
}
