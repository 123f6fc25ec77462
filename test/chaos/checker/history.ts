import { lostWith, type Stream, streamsOf } from './lines.js';
import type { HistoryRecord, RolledBack, SeenEvent, Settings, Submit } from './records.js';

type Of<K extends HistoryRecord['kind']> = Extract<HistoryRecord, { kind: K }>;

export interface Violation {
  rule: string;
  at: number;
  what: string;
}

/** From `at` on a worker serves no turns. Its lease ends at `endsBy` at the latest. */
export interface Death {
  workerId: string;
  at: number;
  endsBy: number;
}

export type Rule = (history: History) => Violation[];

/** The records by kind, with the queries that several rules share. */
export class History {
  readonly settings: Settings;
  readonly streams: readonly Stream[];
  /** The rollbacks of Redis, in order. */
  readonly rollbacks: readonly RolledBack[];
  private readonly byKind = new Map<string, HistoryRecord[]>();
  private readonly submits: ReadonlyMap<string, Submit>;
  private readonly acceptances: ReadonlyMap<string, number>;
  private allDeaths: readonly Death[] | undefined;

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
    this.rollbacks = [...this.all('rolled_back')].sort((a, b) => a.until - b.until);
    this.streams = streamsOf(this.all('event'), this.rollbacks);
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

  /** The end of a worker's lease, as the watcher saw it; undefined while it lives. */
  leaseEnd(workerId: string): number | undefined {
    const seen = this.all('lease').filter((lease) => lease.workerId === workerId);
    const known = seen.flatMap(({ until }) => until ?? []);
    if (seen.at(-1)?.until !== undefined || known.length === 0) return undefined;
    return Math.min(seen.at(-1)?.at ?? 0, Math.max(...known));
  }

  /** The rollback that removed an event; undefined when the event is permanent. */
  lostWith(event: SeenEvent): number | undefined {
    return lostWith(this.rollbacks, event);
  }

  /** Whether data acknowledged in this interval may be lost. `forMs`: the rollback may follow by this much. */
  wasRolledBack(from: number, to = from, forMs = 0): boolean {
    const { clockMs } = this.settings;
    return this.rollbacks.some(({ at, until }) => to >= at - clockMs && from <= until + forMs + clockMs);
  }

  /** The lock records that the watcher saw on one line of history. */
  ownersOn({ sessionId, incarnation, line }: Stream): readonly Of<'owner'>[] {
    const before = line === 'last' ? this.rollbacks : this.rollbacks.slice(0, line);
    const until = line === 'last' ? undefined : this.rollbacks[line]?.until;
    return this.all('owner').filter(
      (owner) =>
        owner.sessionId === sessionId &&
        owner.incarnation === incarnation &&
        !before.some((rollback) => owner.at >= rollback.at && owner.at < rollback.until) &&
        (until === undefined || owner.at < until),
    );
  }

  /** The times at which users closed a session. */
  closings(sessionId: string): readonly Of<'closed'>[] {
    return this.all('closed').filter((closed) => closed.sessionId === sessionId);
  }

  /** Dead workers, each once. */
  get deaths(): readonly Death[] {
    this.allDeaths ??= deathsIn(this);
    return this.allDeaths;
  }

  deathOf(workerId: string): Death | undefined {
    return this.deaths.find((death) => death.workerId === workerId);
  }

  /** When the worker reported the begin of a turn. */
  servedAt({ turnId, workerId }: SeenEvent): number | undefined {
    return this.all('served').find((served) => served.turnId === turnId && served.workerId === workerId)?.at;
  }

  /** The latest time at which this agent began the turn: readers may see the begin late. */
  begunAt({ turnId, workerId, pid, at }: SeenEvent): number {
    const said = this.all('served').filter(
      (served) => served.turnId === turnId && served.workerId === workerId && served.pid === pid,
    );
    // A begin that Redis forgot may have been another one.
    const since = Math.max(0, ...this.rollbacks.flatMap(({ until }) => (until <= at ? [until] : [])));
    return Math.min(at, ...said.flatMap((served) => (served.at >= since ? [served.at] : [])));
  }

  /** When work of this length, as measured on an idle machine, was done at the measured pace. */
  doneAt(from: number, workMs: number): number {
    let [at, left] = [from, workMs];
    for (const pace of this.all('pace')) {
      if (pace.at <= at) continue;
      // Times without a measurement count as full pace.
      const idle = Math.max(0, pace.at - pace.forMs - at);
      if (idle >= left) break;
      left -= idle;
      at += idle;
      const done = (pace.at - at) / pace.slower;
      if (done >= left) return at + left * pace.slower;
      left -= done;
      at = pace.at;
    }
    return at + left;
  }

  /** The end of an incarnation of a worker. */
  overAt(workerId: string): number {
    const over = this.all('worker').find((worker) => worker.workerId === workerId && worker.state === 'over');
    return over?.at ?? Number.POSITIVE_INFINITY;
  }
}

function deathsIn(history: History): Death[] {
  const { leaseTtlMs } = history.settings;
  const deaths = new Map<string, Death>();
  for (const { workerId, at } of history.all('death'))
    if (!deaths.has(workerId)) deaths.set(workerId, { workerId, at, endsBy: at + leaseTtlMs });
  // Without a recorded kill, a worker died when its lease ended.
  for (const { workerId, at, until } of history.all('lease'))
    if (until === undefined && !deaths.has(workerId)) deaths.set(workerId, { workerId, at, endsBy: at });
  return [...deaths.values()].sort((a, b) => a.at - b.at);
}

export const isEnding = ({ type }: { type: string }): boolean => type === 'turn.finished' || type === 'turn.failed';
