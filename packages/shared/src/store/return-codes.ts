/** The return codes of all scripts, as in `lua/includes/codes.lua`; a test keeps the two tables equal. */
export const returnCodes = {
  /** Done. */
  OK: 0,
  /** This very write was done before; nothing changed (P12). */
  REPEATED: 1,
  /** What was asked for is so already. */
  ALREADY: 2,
  /** The fence is not the session's: somebody else owns it, or nobody. */
  FENCED: -1,
  /** A batch number or an offset is missing before this one: a defect of the caller. */
  GAP: -2,
  GONE: -3,
  /** The turn is not at the head of the log. */
  NOT_HEAD: -4,
  NOT_EMPTY: -5,
  /** Another worker owns the session; whether it lives is for the caller to find out. */
  OTHER: -6,
  BACKLOG_FULL: -7,
  PROFILE_MISMATCH: -8,
  EXHAUSTED: -9,
  /** The lease is absent: this worker is dead for ever. */
  DEAD: -10,
  /** Somebody was faster. */
  MOVED: -11,
  /** The turn was begun: it is its owner's, or the next one's. */
  RUNNING: -12,
  /** The session is being closed. */
  CLOSING: -13,
  /** The turn's time in the queue is over. */
  EXPIRED: -14,
  /** Somebody wants the turn to stop. */
  INTERRUPTED: -15,
  /** Turns wait or run, and this one was not to wait. */
  BUSY: -16,
} as const;

export type ReturnCode = keyof typeof returnCodes;

const names = new Map<number, ReturnCode>(
  Object.entries(returnCodes).map(([name, code]) => [code, name as ReturnCode]),
);

/** The name of a return code. */
export function returnCodeOf(value: unknown): ReturnCode {
  const name = names.get(Number(value));
  if (name === undefined) throw new TypeError(`A script answered the unknown return code ${String(value)}`);
  return name;
}
