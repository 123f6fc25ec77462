// Generated from the declarations in lua/. After a change there: npx vitest run packages/shared/test/store/scripts.test.ts -u
import type { Argument } from './script-declarations.js';

type Keys<Name extends string> = Readonly<Record<Name, string>>;
type Args<Name extends string, List extends string = never> = Readonly<
  Record<Name, Argument> & Record<List, readonly Argument[]>
>;
type Reply<Code extends string, Fields = object> = Code extends string ? { code: Code } & Fields : never;

export type SessionKeys = Keys<'session' | 'log' | 'turnPrefix' | 'turnIds' | 'done' | 'events' | 'transcript' | 'channel' | 'ends' | 'pending' | 'sessions' | 'deadlines' | 'permissions' | 'delayed'>;
export type WorkerKeys = Keys<'workerNumbers' | 'knownWorkers' | 'leasePrefix' | 'deadWorkers'>;

export interface Scripts {
  answer: {
    keys: SessionKeys;
    args: Args<'requestId' | 'seq' | 'incarnation' | 'sessionId' | 'wakePrefix' | 'eventsKept' | 'eventsTtlMs' | 'event' | 'answer' | 'fence'>;
    reply: Reply<'OK' | 'REPEATED' | 'GONE' | 'FENCED'> | Reply<'ALREADY', { answer: string }>;
  };
  append: {
    keys: SessionKeys;
    args: Args<'fence' | 'batch' | 'eventsKept' | 'eventsTtlMs', 'events'>;
    reply: Reply<'OK' | 'REPEATED' | 'FENCED' | 'GAP'>;
  };
  ask_permission: {
    keys: SessionKeys;
    args: Args<'fence' | 'batch' | 'seq' | 'requestId' | 'eventsKept' | 'eventsTtlMs' | 'deadlineMs' | 'request' | 'event'>;
    reply: Reply<'OK' | 'REPEATED' | 'NOT_HEAD' | 'FENCED' | 'GAP'>;
  };
  begin: {
    keys: SessionKeys;
    args: Args<'fence' | 'batch' | 'seq' | 'attemptsAllowed' | 'eventsKept' | 'eventsTtlMs', 'events'>;
    reply: Reply<'OK' | 'REPEATED', { queuedMs: number }> | Reply<'EXHAUSTED' | 'EXPIRED' | 'INTERRUPTED' | 'NOT_HEAD' | 'FENCED' | 'GAP'>;
  };
  claim: {
    keys: SessionKeys;
    args: Args<'workerId' | 'workerNumber' | 'deadFence' | 'nonce' | 'seq'>;
    reply: Reply<'OK' | 'ALREADY', { fence: string; batch: number; incarnation: string; claudeSessionId: string | undefined; transcriptChunks: number; profile: string; note: string; isSingleTurn: boolean }> | Reply<'OTHER', { owner: string; workerNumber: number; fence: string }> | Reply<'MOVED', { result: string | undefined }> | Reply<'GONE'>;
  };
  close: {
    keys: SessionKeys;
    args: Args<'member' | 'sessionId' | 'wakePrefix' | 'incarnation' | 'usedBefore'>;
    reply: Reply<'OK', { owner: string | undefined; fence: string; seqs: number[] }> | Reply<'GONE' | 'MOVED'>;
  };
  commit: {
    keys: SessionKeys;
    args: Args<'fence' | 'batch' | 'seq' | 'result' | 'messages' | 'claudeSessionId' | 'costUsd' | 'member' | 'turnMemoryMs' | 'lookAfterMs' | 'eventsKept' | 'eventsTtlMs' | 'state' | 'transcriptChunks' | 'note' | 'event'>;
    reply: Reply<'OK' | 'REPEATED' | 'FENCED' | 'GAP' | 'ALREADY'>;
  };
  erase: {
    keys: SessionKeys;
    args: Args<'member' | 'incarnation' | 'deadFence' | 'eventsKept' | 'eventsTtlMs' | 'event'>;
    reply: Reply<'OK', { rings: string[] }> | Reply<'GONE' | 'NOT_EMPTY' | 'OTHER' | 'MOVED'>;
  };
  head: {
    keys: SessionKeys;
    args: Args<never>;
    reply: Reply<'OK', { seq: number; turnId: string; request: string; submittedAt: string; attempts: string; tools: string; state: string; ring: string; isToStop: boolean }> | Reply<'CLOSING' | 'GONE'>;
  };
  interrupt: {
    keys: SessionKeys;
    args: Args<'seq' | 'incarnation' | 'sessionId' | 'wakePrefix' | 'eventsKept' | 'eventsTtlMs'>;
    reply: Reply<'OK', { state: string }> | Reply<'ALREADY', { result: string }> | Reply<'GONE'>;
  };
  lease_acquire: {
    keys: WorkerKeys;
    args: Args<'workerId' | 'ttlMs' | 'record' | 'workerMemoryMs'>;
    reply: Reply<'OK' | 'REPEATED', { workerNumber: number }> | Reply<'DEAD'>;
  };
  lease_release: {
    keys: WorkerKeys;
    args: Args<'workerId' | 'workerNumber'>;
    reply: Reply<'OK'>;
  };
  lease_renew: {
    keys: WorkerKeys;
    args: Args<'workerId' | 'ttlMs' | 'record'>;
    reply: Reply<'OK' | 'DEAD'>;
  };
  open: {
    keys: SessionKeys;
    args: Args<'member' | 'sessionId' | 'incarnation' | 'profile'>;
    reply: Reply<'OK', { incarnation: string; cursor: number; queue: string; profile: string; owner: string | undefined }> | Reply<'CLOSING' | 'GONE'> | Reply<'PROFILE_MISMATCH', { profile: string }>;
  };
  reach_tool: {
    keys: SessionKeys;
    args: Args<'fence' | 'batch' | 'seq' | 'tool' | 'eventsKept' | 'eventsTtlMs' | 'event'>;
    reply: Reply<'OK' | 'REPEATED' | 'NOT_HEAD' | 'FENCED' | 'GAP'>;
  };
  release: {
    keys: SessionKeys;
    args: Args<'fence' | 'batch' | 'member' | 'turnMemoryMs' | 'mode'>;
    reply: Reply<'OK', { left: { seq: number; ring: string }[] }> | Reply<'REPEATED' | 'NOT_EMPTY' | 'GAP' | 'FENCED'>;
  };
  ring: {
    keys: SessionKeys;
    args: Args<'seq' | 'seen' | 'next'>;
    reply: Reply<'OK' | 'ALREADY', { turnId: string; request: string; profile: string }> | Reply<'MOVED' | 'GONE'>;
  };
  submit: {
    keys: SessionKeys;
    args: Args<'member' | 'sessionId' | 'turnId' | 'request' | 'incarnation' | 'wakePrefix' | 'backlogLimit' | 'lookAfterMs' | 'turnMemoryMs' | 'eventsKept' | 'eventsTtlMs' | 'ringJob' | 'profile' | 'expiresInMs' | 'isSingleTurn' | 'broughtBy' | 'onBusy' | 'refusedResult' | 'refusedEvent'>;
    reply: Reply<'OK', { seq: number; incarnation: string; cursor: number; ring: string; position: number | undefined; profile: string; unheardOwner: string | undefined }> | Reply<'REPEATED', { seq: number; incarnation: string; cursor: number; ring: string; position: number | undefined; profile: string }> | Reply<'CLOSING' | 'BUSY' | 'GONE'> | Reply<'BACKLOG_FULL', { waiting: number }> | Reply<'PROFILE_MISMATCH', { profile: string }>;
  };
  sweep: {
    keys: Keys<'pending' | 'sessionPrefix'>;
    args: Args<'atMost' | 'lookAfterMs' | 'lookAtMostMs', 'deadWorkers'>;
    reply: Reply<'OK', { sessions: { member: string; seq: number; ring: string; owner: string | undefined; workerNumber: number | undefined }[] }>;
  };
  transcript: {
    keys: SessionKeys;
    args: Args<'fence' | 'batch' | 'offset' | 'isSettled' | 'chunk'>;
    reply: Reply<'OK' | 'FENCED' | 'REPEATED' | 'GAP'>;
  };
  withdraw: {
    keys: SessionKeys;
    args: Args<'member' | 'seq' | 'result' | 'deadFence' | 'incarnation' | 'sessionId' | 'wakePrefix' | 'turnMemoryMs' | 'lookAfterMs' | 'eventsKept' | 'eventsTtlMs' | 'event'>;
    reply: Reply<'OK', { ring: string; formerRings: string }> | Reply<'ALREADY', { result: string }> | Reply<'RUNNING' | 'GONE'>;
  };
}
