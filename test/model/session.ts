/** Virtual time, in ticks. */
export const leaseTtl = 5;
/** The watchdog acts so long before the lease can end. */
export const margin = 1;
/** Ticks a turn waits before a sweep looks, and at most between two looks. */
export const lookAfter = 2;
export const lookAtMost = 8;
export const attemptsAllowed = 3;

export type Ending = 'finished' | 'interrupted' | 'crashed' | 'stopped' | 'cancelled';

/** What a turn does: its last letter. `p`: it only talks; `f`: it uses a tool, `fail` on interruption; `r`: likewise, `retry`; `b`: like `f`, in the background. */
export const usesTool = (turnId: string): boolean => !turnId.endsWith('p');
export const inBackground = (turnId: string): boolean => turnId.endsWith('b');
export const mayRetry = (turnId: string): boolean => turnId.endsWith('r');

export interface Ring {
  queue: string;
  job: string;
}

export interface Turn {
  turnId: string;
  ring: Ring;
  attempts: number;
  tools: number;
  isRunning: boolean;
  isToStop: boolean;
  ending?: Ending;
}

export interface Session {
  incarnation: string;
  owner: string;
  workerNumber: number;
  fence: string;
  /** Of the last claim: what the fence stands for, whatever it is made of. Looked at by the invariants alone. */
  grant: number;
  batch: number;
  epoch: number;
  seq: number;
  isClosing: boolean;
  log: number[];
  turns: Record<string, Turn>;
  turnIds: Record<string, number>;
  events: string[];
  transcript: string[];
  committed: number;
  /** What the transcript has to contain: the lines of what was committed. Looked at by the invariants alone. */
  past: string[];
  lookAt: number;
  looks: number;
  /** A model in which one look at a session of the dead is enough notes the fence of the dead. */
  lookedFence?: string;
  /** A model without targets keeps one control request for the session. */
  isToStop: boolean;
}

export interface Job {
  queue: string;
  id: string;
  seq: number;
  state: 'waiting' | 'active' | 'done';
  by: string;
}
