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

/** What a session should be after everything that was done to it. */
export interface ModelSession {
  readonly id: string;
  incarnation: string;
  turns: ModelTurn[];
  /** Seqs accepted and not yet committed, in the order they are served. */
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
  /** It takes no turn and no owner any more. */
  closing: boolean;
  /** Field of the permissions' hash → its value, without times and random parts. */
  permissions: Record<string, unknown>;
  /** turnId → job of a turn that is not due yet. */
  delayed: Record<string, string>;
  /** The time of its next look has come (only data moves it: no test waits). */
  due: boolean;
}

/** One life of a worker: an id, a worker number, and the end of it. */
export interface ModelWorker {
  readonly id: string;
  readonly workerNumber: number;
  alive: boolean;
}

/** Somebody who claimed a session once and may go on writing long after it lost it. */
export interface ModelWriter {
  readonly key: number;
  readonly worker: ModelWorker;
  readonly session: string;
  readonly fence: string;
  /** It was refused once, and does not ask any more. */
  fenced: boolean;
}

export const backlogLimit = 4;
export const attemptsAllowed = 3;

export class Model {
  readonly sessions = new Map<string, ModelSession>();
  /** All lives there ever were, the dead too. */
  readonly workers: ModelWorker[] = [];
  /** Worker number → worker id, also of dead holders whose worker number nobody took yet. */
  readonly workerNumbers = new Map<number, string>();
  readonly deadWithoutNumber = new Set<string>();
  readonly writers: ModelWriter[] = [];
  private made = 0;

  /** A number that was never given before, for names. */
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
      due: false,
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
  const place = onBusy === 'enqueue' ? session.log.length : running === undefined ? 0 : 1;
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
  session.events.push({ type: 'turn.queued', seq, turnId, position: place });
  session.log.splice(place, 0, seq);
  if (onBusy === 'interrupt' && running !== undefined) stopTurn(session, running);
  return seq;
}

export function stopTurn(session: ModelSession, seq: number): void {
  const turn = turnOf(session, seq);
  if (!turn.isToStop) session.events.push({ type: 'turn.interrupting', seq, turnId: turn.turnId });
  turn.isToStop = true;
}

export function cutTranscript(session: ModelSession): void {
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
  // 0: to be warm before any turn.
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
  cutTranscript(session);
}

export function giveBack(session: ModelSession): void {
  Object.assign(session, { owner: '', workerNumber: '', fence: '', batch: 0 });
  if (session.log.length > 0) session.due = true;
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
  cutTranscript(session);
  session.permissions = Object.fromEntries(
    Object.entries(session.permissions).filter(([field]) => field.endsWith('!')),
  );
  Object.assign(session, { claude: by.claude, note: by.note, sweeps: 0, due: false });
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
  Object.assign(session, { sweeps: 0, due: false });
  session.committed += 1;
  session.events.push(event);
  turn.outcomeEvent = session.events.length;
}

/** Sessions a sweep must return: those whose time has come, once; and those of dead owners, as often as it is asked. */
export function sweepSessions(
  sessions: readonly ModelSession[],
  dead: ReadonlySet<string>,
): { late: string[]; ofTheDead: string[] } {
  const late: string[] = [];
  const ofTheDead: string[] = [];
  for (const session of sessions) {
    if (session.log.length === 0) continue;
    if (dead.has(session.owner)) {
      ofTheDead.push(session.id);
      session.sweeps = 0;
    } else if (session.due) {
      late.push(session.id);
      session.sweeps += 1;
      session.due = false;
    }
  }
  return { late, ofTheDead };
}
