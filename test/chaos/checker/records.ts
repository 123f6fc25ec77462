/** The history of a run: one JSON object per line, times in ms since 1970 by one clock. */
export type HistoryRecord =
  | Settings
  | Submit
  | Posted
  | Accepted
  | SeenEvent
  | Wished
  | Ended
  | Effect
  | Ownership
  | LeaseSeen
  | WorkerSeen
  | AgentGone
  | Released
  | Served
  | BellHeld
  | Death
  | FaultSeen
  | Pace
  | RolledBack
  | Left
  | ReaderEnd
  | Final
  | Closed;

/** First line: the settings the promises depend on. */
export interface Settings {
  kind: 'settings';
  at: number;
  seed: number;
  leaseTtlMs: number;
  /** The session of a dead owner is rung within this time. */
  sweepMs: number;
  /** A waiting turn is checked for the first time after this time; the interval doubles after each check without a result. */
  lookAfterMs: number;
  /** The duration of one start of an agent from its transcript, on the machine of the run. */
  resumeMs: number;
  /** The maximum time until a cut connection is restored. */
  reconnectMs: number;
  /** The number of sessions a worker can hold at once. */
  slots: number;
  /** The number of events a stream keeps at least, and how long after the last event it is deleted, in ms. */
  eventsKept: number;
  eventsTtlMs: number;
  /** The maximum difference between two readings of the clock. */
  clockMs: number;
}

export interface Submit {
  kind: 'submit';
  at: number;
  sessionId: string;
  turnId: string;
  onInterrupted: 'fail' | 'retry';
  /** Texts of the turn's effects, each unique in the run. */
  effects: readonly string[];
  /** Its agent becomes silent: the turn cannot finish. */
  hangs: boolean;
  /** Its agent dies in the first attempt. */
  crashes: boolean;
}

/** A job that brings its own turn was added to the queue; a worker submits the turn when it is due. */
export interface Posted {
  kind: 'posted';
  at: number;
  sessionId: string;
  turnId: string;
  dueAt: number;
}

export interface Accepted {
  kind: 'accepted';
  at: number;
  sessionId: string;
  turnId: string;
  seq: number;
}

/** An event as a reader received it. `says`: the worker whose agent produced it, if known. */
export interface SeenEvent {
  kind: 'event';
  at: number;
  reader: string;
  sessionId: string;
  /** `<incarnation>.<number>` */
  id: string;
  type: string;
  seq?: number;
  turnId?: string;
  attempt?: number;
  workerId?: string;
  pid?: number;
  warmth?: string;
  says?: string;
}

/** An interrupt of a running turn, or of the next one, was requested; the request is kept when the owner does not answer. */
interface Wished {
  kind: 'wished';
  at: number;
  sessionId: string;
}

/** A turn's result as its caller received it, or the reason why it received none. */
export interface Ended {
  kind: 'ended';
  at: number;
  sessionId: string;
  turnId: string;
  seq?: number;
  status: 'finished' | 'failed' | 'gone';
  code?: string;
  attempt?: number;
}

/** One line of the effects file. */
export interface Effect {
  kind: 'effect';
  at: number;
  text: string;
  pid: number;
}

/** The lock record and the number of events, read in one transaction. */
interface Ownership {
  kind: 'owner';
  at: number;
  sessionId: string;
  incarnation: string;
  workerId: string;
  epoch: number;
  events: number;
}

interface LeaseSeen {
  kind: 'lease';
  at: number;
  workerId: string;
  /** When the lease ends; absent after its end. */
  until?: number;
}

/** An incarnation of a worker serves, or has ended. */
interface WorkerSeen {
  kind: 'worker';
  at: number;
  workerId: string;
  state: 'serves' | 'over';
}

/** An agent ended, for any reason. */
interface AgentGone {
  kind: 'agent_gone';
  at: number;
  sessionId: string;
  pid?: number;
}

/** A worker released a session by itself. */
interface Released {
  kind: 'released';
  at: number;
  sessionId: string;
  workerId: string;
}

/** A worker reports the begin of a turn. */
interface Served {
  kind: 'served';
  at: number;
  sessionId: string;
  turnId: string;
  workerId: string;
  pid?: number;
}

/** The worker that holds the doorbell of a session without owning the session; empty when no worker does. */
interface BellHeld {
  kind: 'bell';
  at: number;
  sessionId: string;
  workerId: string;
}

/** From this time on a worker serves no turns under this name, though its lease may still live. */
interface Death {
  kind: 'death';
  at: number;
  workerId: string;
  why: string;
  /** It died by itself, or by one of its own turns. */
  isOfItself: boolean;
}

export interface FaultSeen {
  kind: 'fault';
  at: number;
  /** The end of the fault. */
  until: number;
  what: string;
  /** The name of the fault, as drawn from the seed. */
  drawn?: object;
  /** The number of its effects; 0: it had none. */
  did: number;
  /** The worker it hit, if any. */
  workerId?: string;
  sessionId?: string;
  /** What was unavailable during the fault: Redis for all, doorbells, one worker, or the connection of one worker. */
  away?: 'redis' | 'bells' | 'worker' | 'way';
  /** How far the clock of that worker was ahead during the fault. */
  aheadMs?: number;
  /** No process was left to end that worker's agents before the end of the fault. */
  isUnguarded?: boolean;
}

/** For this long before, work of workers and agents took this many times longer than on an idle machine. */
interface Pace {
  kind: 'pace';
  at: number;
  forMs: number;
  slower: number;
}

/** Redis came back without its last acknowledged writes: it failed over, or was killed before it wrote them. */
export interface RolledBack {
  kind: 'rolled_back';
  /** Everything acknowledged before this time is kept. */
  at: number;
  /** From this time on it could be reached. */
  until: number;
  /** Its sessions, each with the id of its last event. */
  kept: Readonly<Record<string, { incarnation: string; events: number }>>;
}

/** A process that was left after all workers had ended. */
interface Left {
  kind: 'left';
  at: number;
  what: string;
}

interface ReaderEnd {
  kind: 'reader_end';
  at: number;
  reader: string;
  sessionId: string;
}

/** The content of Redis at the end. */
interface Final {
  kind: 'final';
  at: number;
  sessionId: string;
  incarnation: string;
  lastEvent: number;
  turns: readonly { turnId: string; seq: number; status: 'queued' | 'running' | 'finished' | 'failed' }[];
}

/** Users closed a session: the events of its turns are deleted with it. `until`: the close was confirmed, or given up. */
interface Closed {
  kind: 'closed';
  at: number;
  until: number;
  sessionId: string;
}

export function parseHistory(text: string): HistoryRecord[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as HistoryRecord);
}
