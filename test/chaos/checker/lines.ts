import type { RolledBack, SeenEvent } from './records.js';

/** The stream of one incarnation as its readers received it: each event once, in the order of ids. */
export interface Stream {
  sessionId: string;
  incarnation: string;
  /** The stream at the end, or before the rollback with this index: then its last events are lost. */
  line: number | 'last';
  events: readonly (SeenEvent & { number: number })[];
}

export function placeOf(id: string): { incarnation: string; number: number } {
  const dot = id.lastIndexOf('.');
  return { incarnation: id.slice(0, dot), number: Number(id.slice(dot + 1)) };
}

/** The rollback that removed an event, as an index; undefined when the event is permanent. */
export function lostWith(rollbacks: readonly RolledBack[], { sessionId, id, at }: SeenEvent): number | undefined {
  const { incarnation, number } = placeOf(id);
  const found = rollbacks.findIndex(({ until, kept }) => {
    const known = kept[sessionId];
    return at < until && !(known?.incarnation === incarnation && number <= known.events);
  });
  return found === -1 ? undefined : found;
}

/** Every stream at the end, and as it was before each rollback: after a rollback ids are assigned again. */
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
    // The first reader's time is the closest to the event.
    if (known === undefined || known.at > event.at) stream.events.set(number, event);
  }
  return [...streams.values()].map(({ sessionId, incarnation, events }) => ({
    sessionId,
    incarnation,
    line,
    events: [...events].sort(([a], [b]) => a - b).map(([number, event]) => ({ ...event, number })),
  }));
}
