import type { RolledBack, SeenEvent } from './records.js';

/** One incarnation's stream as its readers got it: each event once, in the order of its id. */
export interface Stream {
  sessionId: string;
  incarnation: string;
  /** What Redis has in the end, or what it had when it was rolled back (by which number of all): then its last events are lost. */
  line: number | 'last';
  events: readonly (SeenEvent & { number: number })[];
}

export function placeOf(id: string): { incarnation: string; number: number } {
  const dot = id.lastIndexOf('.');
  return { incarnation: id.slice(0, dot), number: Number(id.slice(dot + 1)) };
}

/** With which of the times that Redis was rolled back an event went; undefined: it is there for good. */
export function lostWith(rollbacks: readonly RolledBack[], { sessionId, id, at }: SeenEvent): number | undefined {
  const { incarnation, number } = placeOf(id);
  const found = rollbacks.findIndex(({ until, kept }) => {
    const known = kept[sessionId];
    return at < until && !(known?.incarnation === incarnation && number <= known.events);
  });
  return found === -1 ? undefined : found;
}

/** Every stream as it is in the end, and as it was before Redis forgot its last events: ids are given again after that. */
export function streamsOf(seen: readonly SeenEvent[], rollbacks: readonly RolledBack[]): Stream[] {
  const events = seen
    .filter(({ type }) => type !== 'stream.expired')
    .map((event) => ({ event, lost: lostWith(rollbacks, event) }));
  const last = streamsIn(
    events.filter(({ lost }) => lost === undefined).map(({ event }) => event),
    'last',
  );
  const before = rollbacks.flatMap(({ until }, line) => {
    const gone = new Set(events.filter(({ lost }) => lost === line).map(({ event }) => streamOf(event)));
    const then = events.filter(
      ({ event, lost }) => event.at < until && gone.has(streamOf(event)) && !(lost !== undefined && lost < line),
    );
    return streamsIn(
      then.map(({ event }) => event),
      line,
    );
  });
  return [...last, ...before];
}

const streamOf = ({ sessionId, id }: SeenEvent): string => `${sessionId} ${placeOf(id).incarnation}`;

function streamsIn(seen: readonly SeenEvent[], line: Stream['line']): Stream[] {
  const streams = new Map<string, { sessionId: string; incarnation: string; events: Map<number, SeenEvent> }>();
  for (const event of seen) {
    const { incarnation, number } = placeOf(event.id);
    const key = streamOf(event);
    const stream = streams.get(key) ?? { sessionId: event.sessionId, incarnation, events: new Map() };
    streams.set(key, stream);
    const known = stream.events.get(number);
    // The first who saw it knows best when it happened.
    if (known === undefined || known.at > event.at) stream.events.set(number, event);
  }
  return [...streams.values()].map(({ sessionId, incarnation, events }) => ({
    sessionId,
    incarnation,
    line,
    events: [...events].sort(([a], [b]) => a - b).map(([number, event]) => ({ ...event, number })),
  }));
}
