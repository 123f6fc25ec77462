/** What each watchdog of the protocol is there for; a model without it must be seen to fail. */
export const safeguards = {
  fence: 'every write is refused unless its fence is the one in the lock record',
  nonce: 'a fence is never given twice, also when the count of epochs begins again',
  batch: 'a write that was sent twice is written once',
  gate: 'a tool runs only after a fenced write has recorded it',
  watchdog: 'the agents of a silent worker are killed before its lease can end',
  freshRings: 'no two rings have the same job id',
  logFirst: 'a turn is in the log before it is rung or accepted',
  truncate: 'claim and begin truncate the transcript to the last commit',
  sweep: 'overdue turns and those of dead owners are rung from the log',
  deadReported: 'every sweep returns the sessions of dead workers, and their next check is soon',
  deadOnly: 'a session is taken over only from an owner whose lease is absent',
  headFirst: 'only the head of the log begins, whichever doorbell arrived',
  sameAgent: 'the agent that served a session serves its next turn',
  agentFirst: 'an agent has ended before its session is released',
  turnIds: 'a known turnId is the same turn',
  silenceRead: 'a reader reads the stream after silence',
  controlTarget: 'an interrupt is stored for one turn',
  oneResult: 'a turn that left the log is not committed',
} as const;

export type SafeguardName = keyof typeof safeguards;
export type Rules = Readonly<Record<SafeguardName, boolean>>;

export const allSafeguards = Object.fromEntries(Object.keys(safeguards).map((name) => [name, true])) as Rules;
export const without = (name: SafeguardName): Rules => ({ ...allSafeguards, [name]: false });
