import { lostWith, type Stream, streamsOf } from './lines.js';
import type { HistoryRecord, RolledBack, SeenEvent, Settings, Submit } from './records.js';

type Of<K extends HistoryRecord['kind']> = Extract<HistoryRecord, { kind: K }>;

export interface Violation {
  rule: string;
  at: number;
  what: string;
}

/** From `at` on a worker serves nothing; its lease ends at the latest at `endsBy`. */
export interface Death {
  workerId: string;
  at: number;
  endsBy: number;
}

export type Rule = (history: History) => Violation[];

/** The records, by kind, and what several rules ask of them. */
export class History {
  readonly settings: Settings;
  readonly streams: readonly Stream[];
  /** The times Redis lost something, in order. */
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

  /** When the lease of a worker ended, as far as anybody saw it alive; undefined: it lives. */
  leaseEnd(workerId: string): number | undefined {
    const seen = this.all('lease').filter((lease) => lease.workerId === workerId);
    const known = seen.flatMap(({ until }) => until ?? []);
    if (seen.at(-1)?.until !== undefined || known.length === 0) return undefined;
    return Math.min(seen.at(-1)?.at ?? 0, Math.max(...known));
  }

  /** With which rollback an event went; undefined: it is there for good. */
  lostWith(event: SeenEvent): number | undefined {
    return lostWith(this.rollbacks, event);
  }

  /** Whether what was acknowledged then may be lost; `forMs`: or is undone so much later. */
  wasRolledBack(from: number, to = from, forMs = 0): boolean {
    const { clockMs } = this.settings;
    return this.rollbacks.some(({ at, until }) => to >= at - clockMs && from <= until + forMs + clockMs);
  }

  /** What the watcher saw of the locks on one line of history. */
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

  /** When the users of a session closed it. */
  closings(sessionId: string): readonly Of<'closed'>[] {
    return this.all('closed').filter((closed) => closed.sessionId === sessionId);
  }

  /** Workers that died, each once. */
  get deaths(): readonly Death[] {
    this.allDeaths ??= deathsIn(this);
    return this.allDeaths;
  }

  deathOf(workerId: string): Death | undefined {
    return this.deaths.find((death) => death.workerId === workerId);
  }

  /** When the worker that began a turn said so first. */
  servedAt({ turnId, workerId }: SeenEvent): number | undefined {
    return this.all('served').find((served) => served.turnId === turnId && served.workerId === workerId)?.at;
  }

  /** When it was begun by that agent, at the latest: readers may get to know it late. */
  begunAt({ turnId, workerId, pid, at }: SeenEvent): number {
    const said = this.all('served').filter(
      (served) => served.turnId === turnId && served.workerId === workerId && served.pid === pid,
    );
    // What Redis has forgotten may have been another begin.
    const since = Math.max(0, ...this.rollbacks.flatMap(({ until }) => (until <= at ? [until] : [])));
    return Math.min(at, ...said.flatMap((served) => (served.at >= since ? [served.at] : [])));
  }

  /** When work that takes so long on a machine of its own is done, at the pace this one had. */
  doneAt(from: number, workMs: number): number {
    let [at, left] = [from, workMs];
    for (const pace of this.all('pace')) {
      if (pace.at <= at) continue;
      // Nothing is known of a time that was not measured.
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

  /** When an incarnation of a worker had ended. */
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
  // Nobody killed it, or nobody knows: it has died when its lease is over.
  for (const { workerId, at, until } of history.all('lease'))
    if (until === undefined && !deaths.has(workerId)) deaths.set(workerId, { workerId, at, endsBy: at });
  return [...deaths.values()].sort((a, b) => a.at - b.at);
}

export const isEnding = ({ type }: { type: string }): boolean => type === 'turn.finished' || type === 'turn.failed';
