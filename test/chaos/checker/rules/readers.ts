import { type History, placeOf, type Rule, type Violation } from '../history.js';
import type { SeenEvent } from '../records.js';

const rule = "every reader's view is complete";

/** Each reader gets every event once, in order, or one explicit stream.expired; and all the same. */
export const completeViews: Rule = (history) => {
  const byReader = new Map<string, SeenEvent[]>();
  for (const event of history.all('event')) {
    const key = `${event.reader} ${event.sessionId}`;
    const seen = byReader.get(key);
    if (seen === undefined) byReader.set(key, [event]);
    else seen.push(event);
  }
  return [
    ...[...byReader].flatMap(([reader, seen]) => dense(reader, seen)),
    ...toTheEnd(history, byReader),
    ...agreeing(history),
  ];
};

function dense(reader: string, seen: readonly SeenEvent[]): Violation[] {
  const violations: Violation[] = [];
  let before: { incarnation: string; number: number } | undefined;
  for (const event of seen) {
    const place = placeOf(event.id);
    const follows =
      before === undefined || (place.incarnation === before.incarnation && place.number === before.number + 1);
    if (!follows && event.type !== 'stream.expired')
      violations.push({
        rule,
        at: event.at,
        what: `${reader}: ${event.id} after ${before?.incarnation}.${before?.number}`,
      });
    before = place;
  }
  return violations;
}

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
    const key = `${event.sessionId} ${event.id}`;
    const other = known.get(key);
    known.set(key, other ?? event);
    if (other === undefined || (other.type === event.type && other.seq === event.seq)) return [];
    return [
      { rule, at: event.at, what: `${key} is ${other.type} to ${other.reader}, ${event.type} to ${event.reader}` },
    ];
  });
}
