import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { HearthError } from '../errors/hearth-error.js';
import { notOpened } from '../errors/session-errors.js';
import type { Keys } from '../keys.js';
import type { OnBusy, TurnRecord, TurnRequest, TurnResult } from '../schema/turn.js';
import { decodeSessionId, encodeSessionId } from '../session-id.js';
import { parseEntry } from './entry.js';
import type { StoreLimits } from './limits.js';
import { formatRing, parseRing, type Ring } from './ring.js';
import { defineScripts, runScript, type ScriptArgs, type ScriptName, type ScriptReply } from './scripts.js';
import { parseTurnHash, SessionView } from './session-view.js';
import { unservedResult } from './unserved-result.js';

export interface SubmitInput {
  sessionId: string;
  turnId: string;
  request: TurnRequest;
  profile: string | undefined;
  ringId: string;
  /** ms that the turn may wait before it begins. */
  expiresInMs?: number | undefined;
  /** Opens the session for this turn only. */
  isSingleTurn?: boolean | undefined;
  /** The raw job that submits the turn. */
  broughtBy?: Ring | undefined;
  onBusy?: OnBusy | undefined;
  /** Submits the turn as failed with this error. Only the end of a session keeps such a turn out. */
  refusedWith?: HearthError | undefined;
}

export interface Submitted {
  seq: number;
  incarnation: string;
  /** Id of the last event before the turn's first. */
  cursor: number;
  ring: Ring;
  /** How many turns of the session come before this one, with the running turn. */
  position: number;
  profile: string;
  /** `accepted`: by this call. `known`: by an earlier one. `committed`: the turn has a result. */
  state: 'accepted' | 'known' | 'committed';
  /** The owner that did not hear the call. It may be dead, or in a Redis Cluster connected to another node. */
  unheardOwner?: string | undefined;
}

/** A session's fence and state, as its owner gets them from `claim.lua`. */
export type Claim = Omit<Extract<ScriptReply<'claim'>, { code: 'OK' }>, 'code'>;

export type ClaimOutcome =
  | { kind: 'mine'; anew: boolean; claim: Claim }
  | { kind: 'other'; owner: string; workerNumber: number; fence: string }
  | { kind: 'committed'; result: TurnResult | undefined }
  | { kind: 'gone' };

/** The turn at the head of a log. */
export type HeadTurn = Omit<TurnRecord, 'result' | 'messages'> & {
  ring: Ring;
  /** A caller interrupted the turn. */
  isToStop: boolean;
};

export interface SweptSession {
  sessionId: string;
  seq: number;
  ring: Ring;
  owner: string | undefined;
  workerNumber: number | undefined;
}

/** The scripts that act on one session. */
export type SessionScript = Exclude<ScriptName, 'sweep' | `lease_${string}`>;
/** The arguments that the store adds. */
export type StoreArgs = 'member' | 'sessionId' | 'wakePrefix' | keyof StoreLimits;

/**
 * Submits and claims turns, reads the log, records rings, and finds overdue sessions. `SessionWriter` has the writes of an owner,
 * `SessionLifecycle` opening and closing, `ControlRequests` interrupts and answers. Stateless.
 */
export class SessionStore extends SessionView {
  constructor(
    redis: Redis,
    keys: Keys,
    readonly limits: StoreLimits,
  ) {
    super(redis, keys);
    defineScripts(redis);
  }

  /** Runs a script on a session. */
  async run<N extends SessionScript>(
    name: N,
    sessionId: string,
    args: Omit<ScriptArgs<N>, StoreArgs>,
  ): Promise<ScriptReply<N>> {
    const own = { member: encodeSessionId(sessionId), sessionId, wakePrefix: this.keys.wakePrefix, ...this.limits };
    return runScript(this.redis, name, this.keys.session(sessionId), { ...own, ...args } as unknown as ScriptArgs<N>);
  }

  /**
   * Accepts a turn. Idempotent by turnId.
   * @throws HearthError `backlog_full` | `session_busy` | `profile_mismatch` | `session_closing` | `session_gone`
   */
  async submit(input: SubmitInput): Promise<Submitted> {
    const { sessionId, turnId } = input;
    const reply = await this.run('submit', sessionId, {
      turnId,
      request: JSON.stringify(input.request),
      ringJob: input.ringId,
      profile: input.profile,
      incarnation: randomBytes(8).toString('hex'),
      expiresInMs: input.expiresInMs,
      isSingleTurn: input.isSingleTurn,
      broughtBy: input.broughtBy && formatRing(input.broughtBy),
      onBusy: input.onBusy ?? 'enqueue',
      ...refusal(input),
    });
    switch (reply.code) {
      case 'OK':
      case 'REPEATED': {
        const { code, ring, position, ...turn } = reply;
        const state = position === undefined ? 'committed' : code === 'OK' ? 'accepted' : 'known';
        return { ...turn, ring: parseRing(ring), position: position ?? 0, state };
      }
      case 'BUSY':
        throw new HearthError('session_busy', `Session ${sessionId} has turns that wait or run.`, {
          field: 'onBusy',
          expected: 'a session without turns',
          wayOut:
            'Wait for its turns to end, or submit with onBusy "enqueue" to wait in line, or with "interrupt" to stop the running turn.',
        });
      case 'BACKLOG_FULL':
        throw new HearthError('backlog_full', `Session ${sessionId} has ${reply.waiting} turns waiting.`, {
          field: 'backlogLimit',
          expected: `fewer than ${this.limits.backlogLimit} turns waiting`,
          wayOut: 'Wait for a turn to end before you submit the next, or raise backlogLimit on the producer.',
        });
      default:
        throw notOpened(sessionId, reply);
    }
  }

  /** Tries to become the owner. `deadFence`: fence of an owner whose lease is known to be absent. */
  async claim(
    sessionId: string,
    seq: number,
    by: { workerId: string; workerNumber: number },
    deadFence = '',
  ): Promise<ClaimOutcome> {
    const nonce = randomBytes(6).toString('hex');
    const { workerId, workerNumber } = by;
    const reply = await this.run('claim', sessionId, { workerId, workerNumber, nonce, deadFence, seq });
    switch (reply.code) {
      case 'OK':
      case 'ALREADY': {
        const { code, ...claim } = reply;
        return { kind: 'mine', anew: code === 'OK', claim };
      }
      case 'OTHER':
        return { kind: 'other', owner: reply.owner, workerNumber: reply.workerNumber, fence: reply.fence };
      case 'MOVED':
        return {
          kind: 'committed',
          result: reply.result === undefined ? undefined : parseEntry<TurnResult>(reply.result),
        };
      case 'GONE':
        return { kind: 'gone' };
    }
  }

  /** The turn at the head of the log, if any. */
  async head(sessionId: string): Promise<HeadTurn | undefined | 'closing'> {
    const reply = await this.run('head', sessionId, {});
    if (reply.code === 'CLOSING') return 'closing';
    if (reply.code === 'GONE') return undefined;
    const { seq, turnId: id, submittedAt: at, ring, isToStop, request, attempts, tools, state } = reply;
    const turn = parseTurnHash(sessionId, seq, { id, request, at, attempts, tools, state });
    return { ...turn, ring: parseRing(ring), isToStop };
  }

  /** Records a new ring, if `seen` is still the last one. Undefined: another caller rang, or the turn left the log. */
  async ring(
    sessionId: string,
    seq: number,
    seen: Ring,
    next: Ring,
  ): Promise<{ turnId: string; request: TurnRequest; profile: string } | undefined> {
    const reply = await this.run('ring', sessionId, { seq, seen: formatRing(seen), next: formatRing(next) });
    if (reply.code === 'MOVED' || reply.code === 'GONE') return undefined;
    const { turnId, request, profile } = reply;
    return { turnId, request: JSON.parse(request) as TurnRequest, profile };
  }

  /** Returns overdue sessions of one shard, which no other sweep gets before their next check, and all sessions of `deadWorkers`. */
  async sweep(shard: number, atMost: number, deadWorkers: readonly string[] = []): Promise<SweptSession[]> {
    const keys = { pending: this.keys.pending(shard), sessionPrefix: this.keys.sessionPrefix(shard) };
    const { sessions } = await runScript(this.redis, 'sweep', keys, { atMost, ...this.limits, deadWorkers });
    return sessions.map(({ member, ring, ...swept }) => ({
      ...swept,
      sessionId: decodeSessionId(member),
      ring: parseRing(ring),
    }));
  }
}

function refusal({ sessionId, turnId, request, refusedWith }: SubmitInput): {
  refusedResult: string | undefined;
  refusedEvent: string | undefined;
} {
  if (refusedWith === undefined) return { refusedResult: undefined, refusedEvent: undefined };
  // The script adds the seq to both.
  const { seq: _seq, ...result } = unservedResult({ sessionId, turnId, seq: 0, attempts: 0, request }, refusedWith, 0);
  const event = { type: 'turn.failed', turnId, error: result.error, result };
  return { refusedResult: JSON.stringify(result), refusedEvent: JSON.stringify(event) };
}
