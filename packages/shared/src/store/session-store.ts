import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { HearthError } from '../errors/hearth-error.js';
import type { Keys } from '../keys.js';
import type { HearthEvent } from '../schema/events.js';
import type { OnBusy, TurnRecord, TurnRequest, TurnResult } from '../schema/turn.js';
import { decodeSessionId, encodeSessionId, shardOf } from '../session-id.js';
import type { StoreLimits } from './limits.js';
import { returnCodeOf } from './return-codes.js';
import { formatRing, parseRing, type Ring } from './ring.js';
import { defineScripts, runScript } from './scripts.js';
import { SessionView } from './session-view.js';
import { parseTurnHash } from './turn-hash.js';
import { unservedResult } from './unserved-result.js';

export interface SubmitInput {
  sessionId: string;
  turnId: string;
  request: TurnRequest;
  profile: string | undefined;
  ringId: string;
  /** ms it may wait before it begins. */
  expiresInMs?: number | undefined;
  /** Opens the session for this turn alone. */
  once?: boolean | undefined;
  /** The job that brought it, when it was not a producer. */
  broughtBy?: Ring | undefined;
  /** What to do when turns of the session wait or run. */
  onBusy?: OnBusy | undefined;
  /** It is never to be served: known to its session, and failed with this, from the first. Only a session's end keeps it out. */
  refusedWith?: HearthError | undefined;
}

export interface Submitted {
  seq: number;
  incarnation: string;
  /** Id of the last event before this turn's first. */
  cursor: number;
  ring: Ring;
  /** Turns of the session that come before it, the one that runs included. */
  position: number;
  /** The profile of the session. */
  profile: string;
  /** `accepted` now; `known` before; `committed`: it has a result, from before or as one that was refused. */
  state: 'accepted' | 'known' | 'committed';
  /** The owner, when nothing heard it being called: it may be dead (or, in a Redis Cluster, connected to another node). */
  unheardOwner?: string;
}

/** A session's state and fence, as its owner gets it. */
export interface Claim {
  fence: string;
  epoch: number;
  /** The last batch number used under the fence. */
  batch: number;
  incarnation: string;
  /** Claude's id for the conversation; absent until the first commit that has a past. */
  claudeSessionId: string | undefined;
  transcriptChunks: number;
  profile: string;
  /** What the session's next prompt is prefixed with (P7), or ''. */
  note: string;
  /** The session is for one turn only. */
  once: boolean;
}

export type ClaimOutcome =
  | { kind: 'mine'; anew: boolean; claim: Claim }
  | { kind: 'other'; owner: string; workerNumber: number; fence: string }
  | { kind: 'committed'; result: TurnResult | undefined }
  | { kind: 'gone' };

/** The turn at the head of a log. */
export type HeadTurn = Omit<TurnRecord, 'result' | 'messages'> & {
  ring: Ring;
  /** Somebody wants it to stop. */
  isToStop: boolean;
};

export interface SweptSession {
  sessionId: string;
  seq: number;
  ring: Ring;
  state: 'queued' | 'running';
  owner: string | undefined;
  fence: string;
  workerNumber: number | undefined;
}

const text = z.coerce.string();

/**
 * What producers and workers ask of a session, besides the fenced writes of its owner (`SessionWriter`), control requests and endings.
 * Holds no state but its connection.
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

  /**
   * Accepts a turn. Idempotent by turnId.
   * @throws HearthError `backlog_full` | `session_busy` | `profile_mismatch` | `session_closing` | `session_gone`
   */
  async submit(input: SubmitInput): Promise<Submitted> {
    const reply = await runScript(this.redis, 'submit', this.keys.session(input.sessionId), [
      encodeSessionId(input.sessionId),
      input.sessionId,
      input.turnId,
      JSON.stringify(input.request),
      input.ringId,
      input.profile ?? '',
      randomBytes(8).toString('hex'),
      this.limits.backlogLimit,
      this.limits.lookAfterMs,
      this.limits.eventsKept,
      this.limits.eventsTtlMs,
      this.keys.wakePrefix,
      input.expiresInMs ?? '',
      input.once ? '1' : '',
      input.broughtBy === undefined ? '' : formatRing(input.broughtBy),
      this.limits.turnMemoryMs,
      input.onBusy ?? 'enqueue',
      ...refusal(input),
    ]);
    const code = returnCodeOf(reply);
    switch (code) {
      case 'OK':
      case 'REPEATED': {
        const [, seq, incarnation, cursor, ring, position, profile, unheard] = reply;
        return {
          seq: Number(seq),
          incarnation: text.parse(incarnation),
          cursor: Number(cursor),
          ring: parseRing(text.parse(ring)),
          profile: text.parse(profile),
          // One that is committed stands nowhere in the log.
          position: Math.max(0, Number(position)),
          state: position === -1 ? 'committed' : code === 'OK' ? 'accepted' : 'known',
          ...(typeof unheard === 'string' && unheard !== '' && { unheardOwner: unheard }),
        };
      }
      case 'BUSY':
        throw new HearthError('session_busy', `Session ${input.sessionId} has a turn that waits or runs.`, {
          field: 'onBusy',
          expected: 'a session without turns',
          wayOut:
            'Wait for its turns to end; or submit with onBusy "enqueue" to wait in line, or "interrupt" to stop the turn that runs.',
        });
      case 'BACKLOG_FULL':
        throw new HearthError('backlog_full', `Session ${input.sessionId} has ${Number(reply[1])} turns waiting.`, {
          field: 'backlogLimit',
          expected: `fewer than ${this.limits.backlogLimit} turns waiting`,
          wayOut: 'Wait for a turn to end before submitting the next, or raise backlogLimit on the producer.',
        });
      default:
        throw notOpened('submit', code, input.sessionId, reply[1]);
    }
  }

  /** Tries to become the owner. `deadFence`: a fence whose owner's lease was found absent. */
  async claim(
    sessionId: string,
    seq: number,
    by: { workerId: string; workerNumber: number },
    deadFence = '',
  ): Promise<ClaimOutcome> {
    const nonce = randomBytes(6).toString('hex');
    const reply = await runScript(this.redis, 'claim', this.keys.session(sessionId), [
      by.workerId,
      by.workerNumber,
      nonce,
      deadFence,
      seq,
    ]);
    const code = returnCodeOf(reply);
    switch (code) {
      case 'OK':
      case 'ALREADY': {
        const [, fence, batch, incarnation, claude, chunks, profile, , note, epoch, once] = reply;
        return {
          kind: 'mine',
          anew: code === 'OK',
          claim: {
            fence: text.parse(fence),
            epoch: Number(epoch),
            batch: Number(batch),
            incarnation: text.parse(incarnation),
            claudeSessionId: claude === '' ? undefined : text.parse(claude),
            transcriptChunks: Number(chunks),
            profile: text.parse(profile),
            note: text.parse(note),
            once: once === '1',
          },
        };
      }
      case 'OTHER':
        return {
          kind: 'other',
          owner: text.parse(reply[1]),
          workerNumber: Number(reply[2]),
          fence: text.parse(reply[3]),
        };
      case 'MOVED':
        return {
          kind: 'committed',
          result: reply[1] === '' ? undefined : (JSON.parse(text.parse(reply[1])) as TurnResult),
        };
      case 'GONE':
        return { kind: 'gone' };
      default:
        throw unexpected('claim', code);
    }
  }

  /** The turn at the head of the log, if any; `closing` when the session is being closed. */
  async head(sessionId: string): Promise<HeadTurn | undefined | 'closing'> {
    const reply = await runScript(this.redis, 'head', this.keys.session(sessionId), []);
    const code = returnCodeOf(reply);
    if (code === 'CLOSING') return 'closing';
    if (code === 'GONE') return undefined;
    const [, seq, turnId, request, at, attempts, tools, state, ring, interrupt] = reply.map(String);
    return {
      ...parseTurnHash(sessionId, Number(seq), { id: turnId, request, at, attempts, tools, state }),
      ring: parseRing(ring ?? ''),
      isToStop: interrupt === '1',
    };
  }

  /** Notes a new ring, if `seen` is still the last one. Undefined: somebody else rang, or the turn is done. */
  async ring(
    sessionId: string,
    seq: number,
    seen: Ring,
    next: Ring,
  ): Promise<{ turnId: string; request: TurnRequest; profile: string } | undefined> {
    const reply = await runScript(this.redis, 'ring', this.keys.session(sessionId), [
      seq,
      formatRing(seen),
      formatRing(next),
    ]);
    const code = returnCodeOf(reply);
    if (code === 'MOVED' || code === 'GONE') return undefined;
    return {
      turnId: text.parse(reply[1]),
      request: JSON.parse(text.parse(reply[2])) as TurnRequest,
      profile: text.parse(reply[3]),
    };
  }

  /** Sessions of one shard this caller has won the right to look at, and all that `deadWorkers` owned. */
  async sweep(shard: number, atMost: number, deadWorkers: readonly string[] = []): Promise<SweptSession[]> {
    const reply = await runScript(
      this.redis,
      'sweep',
      [this.keys.pending(shard), this.keys.sessionPrefix(shard)],
      [atMost, this.limits.lookAfterMs, this.limits.lookAtMostMs, ...deadWorkers],
    );
    const swept: SweptSession[] = [];
    for (let at = 1; at < reply.length; at += 7) {
      const [member, seq, ring, state, owner, fence, workerNumber] = reply.slice(at, at + 7).map(String);
      swept.push({
        sessionId: decodeSessionId(member ?? ''),
        seq: Number(seq),
        ring: parseRing(ring ?? ''),
        state: state === 'running' ? 'running' : 'queued',
        owner: owner === '' ? undefined : owner,
        fence: fence ?? '',
        workerNumber: workerNumber === '' ? undefined : Number(workerNumber),
      });
    }
    return swept;
  }

  /** The shard a session's pending mark is in. */
  shardOf(sessionId: string): number {
    return shardOf(sessionId);
  }
}

function refusal({ sessionId, turnId, request, refusedWith }: SubmitInput): [result: string, event: string] {
  if (refusedWith === undefined) return ['', ''];
  // The script puts the seq in place of 0.
  const result = unservedResult({ sessionId, turnId, seq: 0, attempts: 0, request }, refusedWith, 0);
  return [
    JSON.stringify(result),
    JSON.stringify({ type: 'turn.failed', seq: 0, turnId, error: result.error, result } satisfies HearthEvent),
  ];
}

/** The error of a script that would have opened a session, or found it. */
export function notOpened(script: string, code: string, sessionId: string, profile: unknown): HearthError {
  switch (code) {
    case 'CLOSING':
      return new HearthError('session_closing', `Session ${sessionId} is being closed.`, {
        wayOut: 'Try again in a moment: that opens a new session under the same name.',
      });
    case 'GONE':
      return new HearthError('session_gone', `Session ${sessionId} was for one turn only.`, {
        field: 'sessionId',
        expected: 'a session that was opened by its name',
        wayOut: 'Choose a session id of your own for a conversation.',
      });
    case 'PROFILE_MISMATCH':
      return new HearthError('profile_mismatch', `Session ${sessionId} runs under profile ${text.parse(profile)}.`, {
        field: 'profile',
        expected: text.parse(profile),
        wayOut: 'Leave the profile out, or use another session id for another profile.',
      });
    default:
      return unexpected(script, code);
  }
}

export function unexpected(script: string, code: string): HearthError {
  return new HearthError('store_refused', `The script ${script} answered ${code}.`, {
    wayOut: 'This is a defect in Hearth: please report it with the log around it.',
  });
}
