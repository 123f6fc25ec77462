/** Bounds of what the session store keeps. One home for the defaults. */
export interface StoreLimits {
  /** Events kept in a session's stream (trimmed approximately, as Redis does it cheaply). */
  eventsKept: number;
  /** ms after the last event until the stream is dropped; completed messages stay with the result. */
  eventsTtlMs: number;
  /** ms a committed turn, its result and its turnId are remembered. */
  turnMemoryMs: number;
  /** Turns that may wait in one session. */
  backlogLimit: number;
  /** ms a turn may wait before a sweep looks whether its ring was lost; doubles with every look in vain. */
  lookAfterMs: number;
  /** The longest time between two looks. */
  lookAtMostMs: number;
  /** Begins of one turn, across owners, before it is given up: a turn that kills workers must not walk through the fleet. */
  attemptsAllowed: number;
  /** ms after its last use until a session is closed by itself. */
  retentionMs: number;
}

export const defaultStoreLimits: StoreLimits = {
  eventsKept: 10_000,
  eventsTtlMs: 10 * 60_000,
  turnMemoryMs: 24 * 3_600_000,
  backlogLimit: 20,
  lookAfterMs: 2_000,
  lookAtMostMs: 30_000,
  attemptsAllowed: 3,
  retentionMs: 30 * 24 * 3_600_000,
};
