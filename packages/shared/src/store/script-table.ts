import { type Fields, flag, list, number, optional, record, text } from './script-values.js';

/** What a script and its callers agree on. The loader compares it with the declarations at the top of `lua/<name>.lua`. */
export interface ScriptContract {
  /** Names, separated by spaces, in the order of the script. */
  readonly keys: string;
  readonly args: string;
  /** The argument that takes a list, if there is one. */
  readonly rest?: string;
  /** Each return code with the fields that come with it. */
  readonly replies: Record<string, Fields>;
}

const sessionKeys =
  'session log turnPrefix turnIds done events transcript channel ends pending sessions deadlines permissions delayed';
const workerKeys = 'workerNumbers knownWorkers leasePrefix deadWorkers';

const none = {};
const written = { OK: none, REPEATED: none, FENCED: none, GAP: none };
const begun = { queuedMs: number };
const granted = {
  fence: text,
  batch: number,
  incarnation: text,
  claudeSessionId: optional(text),
  transcriptChunks: number,
  profile: text,
  note: text,
  isForOneTurn: flag,
};
const submitted = {
  seq: number,
  incarnation: text,
  cursor: number,
  ring: text,
  position: optional(number),
  profile: text,
};
const rung = { turnId: text, request: text, profile: text };

export const contracts = {
  submit: {
    keys: sessionKeys,
    args: 'member sessionId turnId request ringJob profile incarnation expiresInMs isForOneTurn broughtBy onBusy refusedResult refusedEvent wakePrefix backlogLimit lookAfterMs turnMemoryMs eventsKept eventsTtlMs',
    replies: {
      OK: { ...submitted, unheardOwner: optional(text) },
      REPEATED: submitted,
      CLOSING: none,
      GONE: none,
      BUSY: none,
      BACKLOG_FULL: { waiting: number },
      PROFILE_MISMATCH: { profile: text },
    },
  },
  open: {
    keys: sessionKeys,
    args: 'member sessionId profile incarnation',
    replies: {
      OK: { incarnation: text, cursor: number, queue: text, profile: text, owner: optional(text) },
      CLOSING: none,
      GONE: none,
      PROFILE_MISMATCH: { profile: text },
    },
  },
  claim: {
    keys: sessionKeys,
    args: 'workerId workerNumber nonce deadFence seq',
    replies: {
      OK: granted,
      ALREADY: granted,
      OTHER: { owner: text, workerNumber: number, fence: text },
      MOVED: { result: optional(text) },
      GONE: none,
    },
  },
  head: {
    keys: sessionKeys,
    args: '',
    replies: {
      OK: {
        seq: number,
        turnId: text,
        request: text,
        submittedAt: text,
        attempts: text,
        tools: text,
        state: text,
        ring: text,
        isToStop: flag,
      },
      CLOSING: none,
      GONE: none,
    },
  },
  ring: {
    keys: sessionKeys,
    args: 'seq seen next',
    replies: { OK: rung, ALREADY: rung, MOVED: none, GONE: none },
  },
  begin: {
    keys: sessionKeys,
    args: 'fence batch seq attemptsAllowed eventsKept eventsTtlMs',
    rest: 'events',
    replies: {
      ...written,
      OK: begun,
      REPEATED: begun,
      EXHAUSTED: none,
      EXPIRED: none,
      INTERRUPTED: none,
      NOT_HEAD: none,
    },
  },
  append: {
    keys: sessionKeys,
    args: 'fence batch eventsKept eventsTtlMs',
    rest: 'events',
    replies: written,
  },
  reach_tool: {
    keys: sessionKeys,
    args: 'fence batch seq tool eventsKept eventsTtlMs event',
    replies: { ...written, NOT_HEAD: none },
  },
  ask_permission: {
    keys: sessionKeys,
    args: 'fence batch seq requestId deadlineMs request event eventsKept eventsTtlMs',
    replies: { ...written, NOT_HEAD: none },
  },
  transcript: {
    keys: sessionKeys,
    args: 'fence batch offset isSettled chunk',
    replies: written,
  },
  commit: {
    keys: sessionKeys,
    args: 'fence batch seq result messages state claudeSessionId transcriptChunks costUsd note member turnMemoryMs lookAfterMs eventsKept eventsTtlMs event',
    replies: { ...written, ALREADY: none },
  },
  release: {
    keys: sessionKeys,
    args: 'fence batch mode member turnMemoryMs',
    replies: { ...written, OK: { left: list(record({ seq: number, ring: text })) }, NOT_EMPTY: none },
  },
  interrupt: {
    keys: sessionKeys,
    args: 'seq incarnation sessionId wakePrefix eventsKept eventsTtlMs',
    replies: { OK: { state: text }, ALREADY: { result: text }, GONE: none },
  },
  answer: {
    keys: sessionKeys,
    args: 'requestId seq answer incarnation fence sessionId wakePrefix eventsKept eventsTtlMs event',
    replies: { OK: none, REPEATED: none, ALREADY: { answer: text }, GONE: none, FENCED: none },
  },
  withdraw: {
    keys: sessionKeys,
    args: 'member seq result deadFence incarnation sessionId wakePrefix turnMemoryMs lookAfterMs eventsKept eventsTtlMs event',
    replies: { OK: { ring: text, formerRings: text }, ALREADY: { result: text }, RUNNING: none, GONE: none },
  },
  close: {
    keys: sessionKeys,
    args: 'member usedBefore sessionId wakePrefix incarnation',
    replies: { OK: { owner: optional(text), fence: text, seqs: list(number) }, GONE: none, MOVED: none },
  },
  erase: {
    keys: sessionKeys,
    args: 'member incarnation deadFence eventsKept eventsTtlMs event',
    replies: { OK: { rings: list(text) }, GONE: none, NOT_EMPTY: none, OTHER: none, MOVED: none },
  },
  sweep: {
    keys: 'pending sessionPrefix',
    args: 'atMost lookAfterMs lookAtMostMs',
    rest: 'deadWorkers',
    replies: {
      OK: {
        sessions: list(
          record({
            member: text,
            seq: number,
            ring: text,
            owner: optional(text),
            workerNumber: optional(number),
          }),
        ),
      },
    },
  },
  lease_acquire: {
    keys: workerKeys,
    args: 'workerId ttlMs record workerMemoryMs',
    replies: { OK: { workerNumber: number }, REPEATED: { workerNumber: number }, DEAD: none },
  },
  lease_renew: { keys: workerKeys, args: 'workerId ttlMs record', replies: { OK: none, DEAD: none } },
  lease_release: { keys: workerKeys, args: 'workerId workerNumber', replies: { OK: none } },
} as const satisfies Record<string, ScriptContract>;
