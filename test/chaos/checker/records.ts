/** What is written down while faults go on: one JSON object a line, times in ms since 1970 by one clock. */
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

/** First line: what the cluster was told to promise. */
export interface Settings {
  kind: 'settings';
  at: number;
  seed: number;
  leaseTtlMs: number;
  /** Within which the session of a dead owner is rung. */
  sweepMs: number;
  /** A turn that waits is looked at for the first time after so long; it doubles with every look in vain. */
  lookAfterMs: number;
  /** One start of an agent from its transcript, on the machine of the run. */
  resumeMs: number;
  /** Until a connection that was cut is there again, at most. */
  reconnectMs: number;
  /** Sessions a worker can hold at once. */
  slots: number;
  /** Events a stream has at least before it is trimmed, and ms after the last until it is dropped. */
  eventsKept: number;
  eventsTtlMs: number;
  /** How far two readings of the clock may be apart. */
  clockMs: number;
}

export interface Submit {
  kind: 'submit';
  at: number;
  sessionId: string;
  turnId: string;
  onInterrupted: 'fail' | 'retry';
  /** Texts of the effects it is to have, each unlike all others of the run. */
  effects: readonly string[];
  /** Its agent says nothing more at some point: it cannot finish. */
  hangs: boolean;
  /** Its agent dies in its first attempt. */
  crashes: boolean;
}

/** A job that brings its own turn was added to the queue; a worker submits it when it is due. */
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

/** An event as a reader got it. `says`: the worker whose agent said it, where it can be told. */
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

/** Somebody wants the turn of a session stopped that runs or is next; kept where its owner does not answer. */
interface Wished {
  kind: 'wished';
  at: number;
  sessionId: string;
}

/** A turn's result as its submitter got it, or why it got none. */
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

/** The lock record and the number of events, read together. */
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
  /** Until when it lives; absent: it is over. */
  until?: number;
}

/** An incarnation of a worker serves, or has ended. */
interface WorkerSeen {
  kind: 'worker';
  at: number;
  workerId: string;
  state: 'serves' | 'over';
}

/** An agent ended, whoever ended it. */
interface AgentGone {
  kind: 'agent_gone';
  at: number;
  sessionId: string;
  pid?: number;
}

/** A worker gave a session up by itself. */
interface Released {
  kind: 'released';
  at: number;
  sessionId: string;
  workerId: string;
}

/** A worker began a turn of a session, as it says itself. */
interface Served {
  kind: 'served';
  at: number;
  sessionId: string;
  turnId: string;
  workerId: string;
  pid?: number;
}

/** Who has the doorbell of a session in hand without owning it; empty: nobody any more. */
interface BellHeld {
  kind: 'bell';
  at: number;
  sessionId: string;
  workerId: string;
}

/** From then on a worker serves nothing under this name, though its lease may live on. */
interface Death {
  kind: 'death';
  at: number;
  workerId: string;
  why: string;
  /** Nobody did it, unless a turn of its own. */
  isOfItself: boolean;
}

export interface FaultSeen {
  kind: 'fault';
  at: number;
  /** When it was over. */
  until: number;
  what: string;
  /** As the seed drew it. */
  drawn?: object;
  /** How often it had an effect; 0: it was none. */
  did: number;
  /** A worker, where it hit one. */
  workerId?: string;
  sessionId?: string;
  /** What was not to be had meanwhile: Redis, for all; doorbells; that worker; or what was on its way to or from that worker. */
  away?: 'redis' | 'bells' | 'worker' | 'way';
  /** Meanwhile the clock of that worker was ahead by so much. */
  aheadMs?: number;
  /** Nobody was left to end the agents of that worker before it was over. */
  isUnguarded?: boolean;
}

/** For so long before, the workers and agents took so many times longer for their work than on a machine of their own. */
interface Pace {
  kind: 'pace';
  at: number;
  forMs: number;
  slower: number;
}

/** Redis came back without what it had acknowledged last: it failed over, or was killed before that was written. */
export interface RolledBack {
  kind: 'rolled_back';
  /** All that was acknowledged before then is there. */
  at: number;
  /** From then on it could be reached. */
  until: number;
  /** The sessions it knows, with their last event. */
  kept: Readonly<Record<string, { incarnation: string; events: number }>>;
}

/** When everybody had ended, this had not. */
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

/** What Redis has in the end. */
interface Final {
  kind: 'final';
  at: number;
  sessionId: string;
  incarnation: string;
  lastEvent: number;
  turns: readonly { turnId: string; seq: number; status: 'queued' | 'running' | 'finished' | 'failed' }[];
}

/** Its users closed a session: what was said of its turns is forgotten with it. `until`: they were told that it is gone, or gave up. */
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
