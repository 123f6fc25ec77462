import type { SessionState, TurnState } from '../support/session-model.js';

/** Virtual time, in ticks. */
export const leaseTtl = 5;
/** How long before the end of the lease the watchdog acts. */
export const margin = 1;
/** Ticks until the first check of a sweep, and the longest time between two checks. */
export const lookAfter = 2;
export const lookAtMost = 8;

export type Outcome = 'finished' | 'interrupted' | 'crashed' | 'stopped' | 'cancelled';

/** The last letter of a turnId says what the turn does. `p`: only text. `f`: a tool, onInterrupted `fail`. `r`: a tool, `retry`. `b`: as `f`, in the background. */
export const usesTool = (turnId: string): boolean => !turnId.endsWith('p');
export const inBackground = (turnId: string): boolean => turnId.endsWith('b');
export const mayRetry = (turnId: string): boolean => turnId.endsWith('r');

export interface Ring {
  queue: string;
  job: string;
}

export interface Turn extends TurnState {
  ring: Ring;
  outcome?: Outcome;
}

export interface Session extends SessionState<Turn> {
  /** Number of the last claim, which the fence stands for. Only the invariants read it. */
  grant: number;
  events: string[];
  /** The lines that were committed. Only the invariants read them. */
  past: string[];
  nextCheck: number;
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
