import {
  acceptTurn,
  admission,
  changeOwner,
  commitTurn,
  countSweep,
  endTurn,
  type OnBusy,
  openedSession,
  queuedTurn,
  releaseLock,
  type SessionState,
  type TurnState,
  turnAt,
} from '../../../../../test/support/session-model.js';
import type { HearthEvent } from '../../../src/index.js';

export interface ModelTurn extends TurnState {
  request: unknown;
  ring: string;
  cursor: number;
  outcomeEvent: number | undefined;
  result: unknown;
}

/** The expected state of a session. */
export interface ModelSession extends SessionState<ModelTurn> {
  readonly id: string;
  /** In order of their ids, which are dense from 1. */
  events: HearthEvent[];
  claude: string;
  note: string;
  committed: number;
  costUsd: number;
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
    const session = this.session(writer.session);
    return admission(session, writer.fence, session.batch + 1) === 'ok';
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
      ...openedSession(incarnation),
      id,
      events: [],
      claude: '',
      note: '',
      committed: 0,
      costUsd: 0,
      permissions: {},
      delayed: {},
      isOverdue: false,
    };
    this.sessions.set(id, session);
    return session;
  }
}

export function turnOf(session: ModelSession, seq: number): ModelTurn {
  const turn = turnAt(session, seq);
  if (turn === undefined) throw new Error(`The model has no turn ${seq} in ${session.id}`);
  return turn;
}

export function submitTurn(
  session: ModelSession,
  turnId: string,
  request: unknown,
  ringId: string,
  onBusy: OnBusy,
): number {
  const ring = `${session.workerNumber === 0 ? 'intake' : session.workerNumber}/${ringId}`;
  const cursor = session.events.length;
  const turn = { ...queuedTurn(turnId), request, ring, cursor, outcomeEvent: undefined, result: undefined };
  const { seq, position, interrupts } = acceptTurn(session, turn, onBusy);
  session.events.push({ type: 'turn.queued', seq, turnId, position });
  if (interrupts !== undefined) interruptTurn(session, interrupts);
  return seq;
}

export function interruptTurn(session: ModelSession, seq: number): void {
  const turn = turnOf(session, seq);
  if (!turn.isToStop) session.events.push({ type: 'turn.interrupting', seq, turnId: turn.turnId });
  turn.isToStop = true;
}

/** A worker claims the session. Permission requests of the owner before are void. */
export function claimSession(session: ModelSession, { id: workerId, workerNumber }: ModelWorker, fence: string): void {
  changeOwner(session, { workerId, workerNumber }, fence);
  session.permissions = {};
}

export function releaseSession(session: ModelSession): void {
  releaseLock(session);
  if (session.log.length > 0) session.isOverdue = true;
}

export function recordCommit(
  session: ModelSession,
  seq: number,
  by: { result: unknown; chunks: number; claude: string; note: string; costUsd: number; event: HearthEvent },
): void {
  commitTurn(session, seq, by.chunks);
  session.permissions = Object.fromEntries(
    Object.entries(session.permissions).filter(([field]) => field.endsWith('!')),
  );
  Object.assign(session, { claude: by.claude, note: by.note });
  session.costUsd += by.costUsd;
  recordOutcome(session, seq, by.result, by.event);
}

export function recordWithdrawal(session: ModelSession, seq: number, result: unknown, event: HearthEvent): void {
  endTurn(session, seq, 'failed');
  recordOutcome(session, seq, result, event);
}

function recordOutcome(session: ModelSession, seq: number, result: unknown, event: HearthEvent): void {
  session.committed += 1;
  session.isOverdue = false;
  session.events.push(event);
  Object.assign(turnOf(session, seq), { result, outcomeEvent: session.events.length });
}

/** The sessions that a sweep returns: an overdue one once, those of dead owners to every caller. */
export function sweepSessions(
  sessions: readonly ModelSession[],
  dead: ReadonlySet<string>,
): { overdue: string[]; orphaned: string[] } {
  const overdue: string[] = [];
  const orphaned: string[] = [];
  for (const session of sessions) {
    const isOfDead = dead.has(session.owner);
    if (session.log.length === 0 || (!isOfDead && !session.isOverdue)) continue;
    (isOfDead ? orphaned : overdue).push(session.id);
    countSweep(session, isOfDead);
    if (!isOfDead) session.isOverdue = false;
  }
  return { overdue, orphaned };
}
