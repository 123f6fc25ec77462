import type { HistoryRecord, SeenEvent, Settings, Submit } from './records.js';

type Of<K extends HistoryRecord['kind']> = Extract<HistoryRecord, { kind: K }>;

/** One incarnation's stream as its readers got it: each event once, in the order of its id. */
export interface Stream {
  sessionId: string;
  incarnation: string;
  events: readonly (SeenEvent & { number: number })[];
}

export interface Violation {
  rule: string;
  at: number;
  what: string;
}

export type Rule = (history: History) => Violation[];

/** The records, by kind, and what several rules ask of them. */
export class History {
  readonly settings: Settings;
  readonly streams: readonly Stream[];
  private readonly byKind = new Map<string, HistoryRecord[]>();
  private readonly submits: ReadonlyMap<string, Submit>;
  private readonly acceptances: ReadonlyMap<string, number>;

  constructor(records: readonly HistoryRecord[]) {
    for (const record of records) {
      const those = this.byKind.get(record.kind);
      if (those === undefined) this.byKind.set(record.kind, [record]);
      else those.push(record);
    }
    const settings = this.all('settings')[0];
    if (settings === undefined) throw new Error('a history begins with its settings');
    this.settings = settings;
    this.submits = new Map(this.all('submit').map((submit) => [submit.turnId, submit]));
    this.acceptances = new Map(this.all('accepted').map(({ turnId, at }) => [turnId, at]));
    this.streams = streamsOf(this.all('event'));
  }

  all<K extends HistoryRecord['kind']>(kind: K): readonly Of<K>[] {
    return (this.byKind.get(kind) ?? []) as Of<K>[];
  }

  submitOf(turnId: string): Submit | undefined {
    return this.submits.get(turnId);
  }

  acceptedAt(turnId: string): number | undefined {
    return this.acceptances.get(turnId);
  }

  /** When the lease of a worker ended, as far as anybody saw it alive; undefined: it lives. */
  leaseEnd(workerId: string): number | undefined {
    const seen = this.all('lease').filter((lease) => lease.workerId === workerId);
    const known = seen.flatMap(({ until }) => until ?? []);
    if (seen.at(-1)?.until !== undefined || known.length === 0) return undefined;
    return Math.min(seen.at(-1)?.at ?? 0, Math.max(...known));
  }

  /** Whether a session was closed by its users. */
  wasClosed(sessionId: string): boolean {
    return this.all('closed').some((closed) => closed.sessionId === sessionId);
  }

  /** How much of a time nobody could be expected to be in time, for what else went wrong than with this worker. */
  disturbedMs(from: number, to: number, workerId: string): number {
    const spans = this.all('fault')
      .filter((fault) => fault.workerId !== workerId)
      .flatMap(({ at, until }) => (until === undefined ? [] : [{ from: Math.max(at, from), to: Math.min(until, to) }]))
      .filter((span) => span.to > span.from)
      .sort((a, b) => a.from - b.from);
    let sum = 0;
    let end = from;
    for (const span of spans) {
      sum += Math.max(0, span.to - Math.max(span.from, end));
      end = Math.max(end, span.to);
    }
    return sum;
  }
}

export function placeOf(id: string): { incarnation: string; number: number } {
  const dot = id.lastIndexOf('.');
  return { incarnation: id.slice(0, dot), number: Number(id.slice(dot + 1)) };
}

export const isEnding = ({ type }: { type: string }): boolean => type === 'turn.finished' || type === 'turn.failed';

function streamsOf(seen: readonly SeenEvent[]): Stream[] {
  const streams = new Map<string, { sessionId: string; incarnation: string; events: Map<number, SeenEvent> }>();
  for (const event of seen) {
    if (event.type === 'stream.expired') continue;
    const { incarnation, number } = placeOf(event.id);
    const key = `${event.sessionId} ${incarnation}`;
    const stream = streams.get(key) ?? { sessionId: event.sessionId, incarnation, events: new Map() };
    streams.set(key, stream);
    const known = stream.events.get(number);
    // The first who saw it knows best when it happened.
    if (known === undefined || known.at > event.at) stream.events.set(number, event);
  }
  return [...streams.values()].map(({ sessionId, incarnation, events }) => ({
    sessionId,
    incarnation,
    events: [...events].sort(([a], [b]) => a - b).map(([number, event]) => ({ ...event, number })),
  }));
}
