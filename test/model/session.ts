/** Virtual time, in ticks. */
export const leaseTtl = 5;
/** How long before the end of the lease the watchdog acts. */
export const margin = 1;
/** Ticks until the first check of a sweep, and the longest time between two checks. */
export const lookAfter = 2;
export const lookAtMost = 8;
export const attemptsAllowed = 3;

export type Outcome = 'finished' | 'interrupted' | 'crashed' | 'stopped' | 'cancelled';

/** The last letter of a turnId says what the turn does. `p`: only text. `f`: a tool, onInterrupted `fail`. `r`: a tool, `retry`. `b`: as `f`, in the background. */
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
  outcome?: Outcome;
}

export interface Session {
  incarnation: string;
  owner: string;
  workerNumber: number;
  fence: string;
  /** Number of the last claim, which the fence stands for. Only the invariants read it. */
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
  /** The lines that were committed. Only the invariants read them. */
  past: string[];
  nextCheck: number;
  sweeps: number;
  /** Without `deadReported`: the fence of the dead owner for which a sweep returned the session. */
  sweptFence?: string;
  /** Without `controlTarget`: an interrupt of the session instead of one turn. */
  isToStop: boolean;
}

export interface Job {
  queue: string;
  id: string;
  seq: number;
  state: 'waiting' | 'active' | 'done';
  by: string;
}
