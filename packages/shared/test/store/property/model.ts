import type { HearthEvent } from '../../../src/index.js';

export interface ModelTurn {
  turnId: string;
  request: unknown;
  ring: string;
  state: 'queued' | 'running' | 'finished' | 'failed';
  attempts: number;
  tools: string[];
  cursor: number;
  outcomeEvent: number | undefined;
  result: unknown;
  isToStop: boolean;
}

/** The expected state of a session. */
export interface ModelSession {
  readonly id: string;
  incarnation: string;
  turns: ModelTurn[];
  /** Seqs accepted and not yet committed, in the order of service. */
  log: number[];
  /** In order of their ids, which are dense from 1. */
  events: HearthEvent[];
  transcript: string[];
  committedChunks: number;
  owner: string;
  workerNumber: string;
  fence: string;
  epoch: number;
  batch: number;
  claude: string;
  note: string;
  committed: number;
  costUsd: number;
  sweeps: number;
  closing: boolean;
  /** Fields of the permissions' hash, without times and random ids. */
  permissions: Record<string, unknown>;
  /** turnId of a delayed turn → its job. */
  delayed: Record<string, string>;
  /** A sweep finds the session. Steps set it, because no test waits. */
  isOverdue: boolean;
}

/** One incarnation of a worker. */
export interface ModelWorker {
  readonly id: string;
  readonly workerNumber: number;
  alive: boolean;
}

/** A claim of a worker, which may write long after it lost the session. */
export interface ModelWriter {
  readonly key: number;
  readonly worker: ModelWorker;
  readonly session: string;
  readonly fence: string;
  /** A write was fenced, so the writer sends no more. */
  fenced: boolean;
}

export const backlogLimit = 4;
export const attemptsAllowed = 3;

export class Model {
  readonly sessions = new Map<string, ModelSession>();
  /** All incarnations, also dead ones. */
  readonly workers: ModelWorker[] = [];
  /** Worker number → workerId of its holder, alive or dead. */
  readonly workerNumbers = new Map<number, string>();
  readonly deadWithoutNumber = new Set<string>();
  readonly writers: ModelWriter[] = [];
  private made = 0;

  /** A new number, for names. */
  fresh(): number {
    this.made += 1;
    return this.made;
  }
  get living(): ModelWorker[] {
    return this.workers.filter((worker) => worker.alive);
  }
  get dead(): ModelWorker[] {
    return this.workers.filter((worker) => !worker.alive);
  }
  lives(workerId: string): boolean {
    return this.living.some(({ id }) => id === workerId);
  }
  writersOf(session: string): ModelWriter[] {
    return this.writers.filter((writer) => writer.session === session);
  }
  owns(writer: ModelWriter): boolean {
    return this.session(writer.session).fence === writer.fence;
  }
  lowestFreeNumber(): number {
    let workerNumber = 1;
    for (;;) {
      const holder = this.workerNumbers.get(workerNumber);
      if (holder === undefined || !this.lives(holder)) return workerNumber;
      workerNumber += 1;
    }
  }
  session(id: string): ModelSession {
    const session = this.sessions.get(id);
    if (session === undefined) throw new Error(`The model has no session ${id}`);
    return session;
  }

  openSession(id: string, incarnation: string): ModelSession {
    const session: ModelSession = {
      id,
      incarnation,
      turns: [],
      log: [],
      events: [],
      transcript: [],
      committedChunks: 0,
      owner: '',
      workerNumber: '',
      fence: '',
      epoch: 0,
      batch: 0,
      claude: '',
      note: '',
      committed: 0,
      costUsd: 0,
      sweeps: 0,
      closing: false,
      permissions: {},
      delayed: {},
      isOverdue: false,
    };
    this.sessions.set(id, session);
    return session;
  }
}

export function turnOf(session: ModelSession, seq: number): ModelTurn {
  const turn = session.turns[seq - 1];
  if (turn === undefined) throw new Error(`The model has no turn ${seq} in ${session.id}`);
  return turn;
}

export type OnBusy = 'enqueue' | 'reject' | 'interrupt';

export function acceptTurn(
  session: ModelSession,
  turnId: string,
  request: unknown,
  ringId: string,
  onBusy: OnBusy,
): number {
  const seq = session.turns.length + 1;
  const [head] = session.log;
  const running = head !== undefined && turnOf(session, head).state === 'running' ? head : undefined;
  const position = onBusy === 'enqueue' ? session.log.length : running === undefined ? 0 : 1;
  session.turns.push({
    turnId,
    request,
    ring: `${session.workerNumber === '' ? 'intake' : session.workerNumber}/${ringId}`,
    state: 'queued',
    attempts: 0,
    tools: [],
    cursor: session.events.length,
    outcomeEvent: undefined,
    result: undefined,
    isToStop: false,
  });
  session.events.push({ type: 'turn.queued', seq, turnId, position });
  session.log.splice(position, 0, seq);
  if (onBusy === 'interrupt' && running !== undefined) interruptTurn(session, running);
  return seq;
}

export function interruptTurn(session: ModelSession, seq: number): void {
  const turn = turnOf(session, seq);
  if (!turn.isToStop) session.events.push({ type: 'turn.interrupting', seq, turnId: turn.turnId });
  turn.isToStop = true;
}

export function truncateTranscript(session: ModelSession): void {
  session.transcript = session.transcript.slice(0, session.committedChunks);
}

export type ClaimKind = 'anew' | 'mine' | 'other' | 'committed' | 'gone';

export function predictClaim(
  session: ModelSession | undefined,
  workerId: string,
  seq: number,
  deadFence: string,
): ClaimKind {
  if (session === undefined || seq > session.turns.length) return 'gone';
  // Seq 0 claims the session before any turn.
  if (seq !== 0 && !session.log.includes(seq)) return 'committed';
  if (session.owner === workerId) return 'mine';
  if (session.closing) return 'gone';
  return session.owner !== '' && session.fence !== deadFence ? 'other' : 'anew';
}

export function changeOwner(session: ModelSession, worker: ModelWorker, fence: string): void {
  session.epoch += 1;
  Object.assign(session, {
    owner: worker.id,
    workerNumber: String(worker.workerNumber),
    fence,
    batch: 0,
    sweeps: 0,
    permissions: {},
  });
  truncateTranscript(session);
}

export function releaseLock(session: ModelSession): void {
  Object.assign(session, { owner: '', workerNumber: '', fence: '', batch: 0 });
  if (session.log.length > 0) session.isOverdue = true;
}

export function commitTurn(
  session: ModelSession,
  seq: number,
  by: { result: unknown; chunks: number; claude: string; note: string; costUsd: number; event: HearthEvent },
): void {
  const turn = turnOf(session, seq);
  turn.state = 'finished';
  turn.result = by.result;
  session.log = session.log.filter((waiting) => waiting !== seq);
  session.committedChunks = Math.min(by.chunks, session.transcript.length);
  truncateTranscript(session);
  session.permissions = Object.fromEntries(
    Object.entries(session.permissions).filter(([field]) => field.endsWith('!')),
  );
  Object.assign(session, { claude: by.claude, note: by.note, sweeps: 0, isOverdue: false });
  session.committed += 1;
  session.costUsd += by.costUsd;
  session.events.push(by.event);
  turn.outcomeEvent = session.events.length;
}

export type WithdrawKind = 'withdrawn' | 'committed' | 'running';

export function predictWithdraw(session: ModelSession, seq: number, deadFence: string): WithdrawKind {
  if (!session.log.includes(seq)) return 'committed';
  const isOwned = session.owner !== '' && deadFence !== session.fence;
  return turnOf(session, seq).state === 'queued' || (session.closing && !isOwned) ? 'withdrawn' : 'running';
}

export function withdrawTurn(session: ModelSession, seq: number, result: unknown, event: HearthEvent): void {
  const turn = turnOf(session, seq);
  turn.state = 'failed';
  turn.result = result;
  session.log = session.log.filter((waiting) => waiting !== seq);
  Object.assign(session, { sweeps: 0, isOverdue: false });
  session.committed += 1;
  session.events.push(event);
  turn.outcomeEvent = session.events.length;
}

/** The sessions that a sweep returns: an overdue one once, those of dead owners to every caller. */
export function sweepSessions(
  sessions: readonly ModelSession[],
  dead: ReadonlySet<string>,
): { overdue: string[]; orphaned: string[] } {
  const overdue: string[] = [];
  const orphaned: string[] = [];
  for (const session of sessions) {
    if (session.log.length === 0) continue;
    if (dead.has(session.owner)) {
      orphaned.push(session.id);
      session.sweeps = 0;
    } else if (session.isOverdue) {
      overdue.push(session.id);
      session.sweeps += 1;
      session.isOverdue = false;
    }
  }
  return { overdue, orphaned };
}
