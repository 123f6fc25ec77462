/** What each watchdog of the protocol is there for; a model without it must be seen to fail. */
export const watchdogs = {
  fence: 'every write is refused unless its fence is the one in the lock record',
  nonce: 'a fence is never given twice, also when the count of epochs begins again',
  batch: 'a write that was sent twice is written once',
  gate: 'a tool runs only after a fenced write has recorded it',
  watchdog: 'the agents of a silent worker are killed before its lease can end',
  freshRings: 'no two rings have the same job id',
  logFirst: 'a turn is in the log before it is rung or accepted',
  cut: 'the transcript is cut back to the last commit at claim and begin',
  sweep: 'late turns and those of dead owners are rung from the log',
  deadTold: 'a session of the dead is told to all who sweep, as often as they ask, and looked at again soon',
  deadOnly: 'a session is taken only from an owner whose lease is absent',
  headFirst: 'the first turn in the log is served, whichever doorbell came, and no other begins',
  sameAgent: 'the agent that served a session serves its next turn',
  agentFirst: 'an agent has ended before its session is released',
  turnIds: 'a turnId that is known is the same turn',
  silenceRead: 'a reader reads the stream after silence',
  controlTarget: 'an interrupt is stored for one turn',
  oneResult: 'a turn that has left the log is not committed',
} as const;

export type WatchdogName = keyof typeof watchdogs;
export type Rules = Readonly<Record<WatchdogName, boolean>>;

export const allWatchdogs = Object.fromEntries(Object.keys(watchdogs).map((name) => [name, true])) as Rules;
export const without = (name: WatchdogName): Rules => ({ ...allWatchdogs, [name]: false });
