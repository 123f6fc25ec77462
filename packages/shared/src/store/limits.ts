/** Bounds of the session store. The one place of the defaults. */
export const defaultStoreLimits = {
  /** Events kept in a session's stream. Redis trims approximately, because that is cheaper. */
  eventsKept: 10_000,
  /** ms after the last event until Redis drops the stream. Completed messages stay with the result. */
  eventsTtlMs: 10 * 60_000,
  /** ms that a committed turn, its result and its turnId are kept. */
  turnMemoryMs: 24 * 3_600_000,
  /** Turns that may wait in one session. */
  backlogLimit: 20,
  /** ms until a sweep checks a pending session for a lost ring. The time doubles with each sweep in which no turn begins or ends. */
  lookAfterMs: 2_000,
  /** The longest time between two checks, ms. */
  lookAtMostMs: 30_000,
  /** How often a turn may begin, across owners, because a turn that kills its worker must not kill every worker. */
  attemptsAllowed: 3,
  /** ms after its last use until retention closes a session. */
  retentionMs: 30 * 24 * 3_600_000,
};

export type StoreLimits = typeof defaultStoreLimits;
