import { randomBytes } from 'node:crypto';
import { HearthError } from '../errors/hearth-error.js';
import type { HearthEventOf } from '../schema/events.js';
import type { PermissionAnswer, PermissionRequest } from '../schema/permission.js';
import type { TurnResult } from '../schema/turn.js';
import { encodeSessionId } from '../session-id.js';
import { returnCodeOf } from './return-codes.js';
import { runScript } from './scripts.js';
import { notOpened, type SessionStore, unexpected } from './session-store.js';

/** How a permission request was resolved. */
export interface Resolution {
  /** Unlike any other, so that a resend is known from a second answer. */
  answerId: string;
  by: HearthEventOf<'permission.resolved'>['by'];
  /** Absent: the agent needs no answer any more. */
  answer?: PermissionAnswer;
}

/** What became of a request to stop a turn. `stored`: its owner stops it; a turn nobody has begun can be withdrawn instead. */
export type InterruptOutcome =
  | { kind: 'stored'; isBegun: boolean; owner: string | undefined }
  | { kind: 'ended'; result: TurnResult }
  | { kind: 'gone' };

/** What becomes of an answer. `resolved` before: with what. */
export type AnswerOutcome = { kind: 'ok' } | { kind: 'resolved'; resolution: Resolution } | { kind: 'gone' | 'fenced' };

/** Control requests: what a caller may ask of a session, and its owner fulfils: that a turn stops, that a tool may run, that its agent is there. Holds no state but its store. */
export class ControlRequests {
  constructor(readonly store: SessionStore) {}

  /** Stores that a turn is to stop, and calls its owner. */
  async interrupt(sessionId: string, seq: number): Promise<InterruptOutcome> {
    const { redis, keys, limits } = this.store;
    const incarnation = await this.store.incarnation(sessionId);
    if (incarnation === undefined) return { kind: 'gone' };
    const reply = await runScript(redis, 'interrupt', keys.session(sessionId), [
      seq,
      incarnation,
      keys.wakePrefix,
      sessionId,
      limits.eventsKept,
      limits.eventsTtlMs,
    ]);
    const code = returnCodeOf(reply);
    switch (code) {
      case 'OK':
        return { kind: 'stored', isBegun: reply[1] === 'running', owner: String(reply[2]) || undefined };
      case 'ALREADY':
        return { kind: 'ended', result: JSON.parse(String(reply[1])) as TurnResult };
      case 'GONE':
        return { kind: 'gone' };
      default:
        throw unexpected('interrupt', code);
    }
  }

  /** Whether somebody wants a turn to stop. */
  async isToStop(sessionId: string, seq: number): Promise<boolean> {
    return (await this.store.redis.hexists(`${this.store.keys.session(sessionId)[2]}${seq}`, 'interrupt')) === 1;
  }

  /** The permission requests of a session that wait for an answer, the oldest first. */
  async permissions(sessionId: string): Promise<PermissionRequest[]> {
    const all = await this.store.redis.hgetall(this.store.keys.session(sessionId)[11]);
    return Object.entries(all)
      .filter(([field, text]) => !field.endsWith('!') && text !== '')
      .map(([, text]) => JSON.parse(text) as PermissionRequest)
      .sort((a, b) => a.expiresAt - b.expiresAt);
  }

  /** One request that waits. */
  async permission(sessionId: string, requestId: string): Promise<PermissionRequest | undefined> {
    const text = await this.store.redis.hget(this.store.keys.session(sessionId)[11], requestId);
    return text ? (JSON.parse(text) as PermissionRequest) : undefined;
  }

  /** How a request was resolved, if it was. */
  async resolution(sessionId: string, requestId: string): Promise<Resolution | undefined> {
    const text = await this.store.redis.hget(this.store.keys.session(sessionId)[11], `${requestId}!`);
    return text ? (JSON.parse(text) as Resolution) : undefined;
  }

  /** Resolves a request, once. `fence`: the owner does it itself. */
  async resolve(
    sessionId: string,
    request: Pick<PermissionRequest, 'requestId' | 'seq' | 'name'>,
    resolved: Omit<Resolution, 'answerId'>,
    fence = '',
  ): Promise<AnswerOutcome> {
    const { redis, keys, limits } = this.store;
    const incarnation = await this.store.incarnation(sessionId);
    if (incarnation === undefined) return { kind: 'gone' };
    const resolution: Resolution = { answerId: randomBytes(8).toString('hex'), ...resolved };
    const { by, answer } = resolved;
    const event: HearthEventOf<'permission.resolved'> = {
      type: 'permission.resolved',
      seq: request.seq,
      requestId: request.requestId,
      name: request.name,
      decision: answer?.decision ?? 'withdrawn',
      by,
      ...(answer?.decision === 'deny' && answer.message !== undefined ? { message: answer.message } : {}),
    };
    const reply = await runScript(redis, 'answer', keys.session(sessionId), [
      request.requestId,
      request.seq,
      JSON.stringify(resolution),
      incarnation,
      fence,
      keys.wakePrefix,
      sessionId,
      limits.eventsKept,
      limits.eventsTtlMs,
      JSON.stringify(event),
    ]);
    const code = returnCodeOf(reply);
    switch (code) {
      case 'OK':
      case 'REPEATED':
        return { kind: 'ok' };
      case 'ALREADY':
        return { kind: 'resolved', resolution: JSON.parse(String(reply[1])) as Resolution };
      case 'GONE':
        return { kind: 'gone' };
      case 'FENCED':
        return { kind: 'fenced' };
      default:
        throw unexpected('answer', code);
    }
  }

  /**
   * Opens a session before its first turn, or finds it. `cursor`: id of its last event; `owner`: whose worker number it is, dead or alive.
   * @throws HearthError `session_closing` | `session_gone` | `profile_mismatch`
   */
  async open(
    sessionId: string,
    profile: string | undefined,
  ): Promise<{
    incarnation: string;
    cursor: number;
    queue: number | 'intake';
    profile: string;
    owner: string | undefined;
  }> {
    const { redis, keys } = this.store;
    const reply = await runScript(redis, 'open', keys.session(sessionId), [
      encodeSessionId(sessionId),
      sessionId,
      profile ?? '',
      randomBytes(8).toString('hex'),
    ]);
    const code = returnCodeOf(reply);
    if (code !== 'OK') throw notOpened('open', code, sessionId, reply[1]);
    const [, incarnation, cursor, queue, itsProfile, owner] = reply;
    return {
      incarnation: String(incarnation),
      cursor: Number(cursor),
      queue: queue === 'intake' ? 'intake' : Number(queue),
      profile: String(itsProfile),
      owner: String(owner) || undefined,
    };
  }
}

/** The error of a turn that somebody stopped. */
export function stoppedError(): HearthError {
  return new HearthError('interrupted', 'The turn was stopped: somebody interrupted it.', {
    wayOut: 'Prompt again: the session goes on.',
  });
}
