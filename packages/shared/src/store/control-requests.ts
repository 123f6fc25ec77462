import { randomBytes } from 'node:crypto';
import type { HearthEventOf } from '../schema/events.js';
import type { PermissionAnswer, PermissionRequest } from '../schema/permission.js';
import type { TurnResult } from '../schema/turn.js';
import { parseEntry } from './entry.js';
import type { SessionStore } from './session-store.js';

/** How a permission request was resolved. */
export interface Resolution {
  /** Unlike any other, so that a resend is known from a second answer. */
  answerId: string;
  by: HearthEventOf<'permission.resolved'>['by'];
  /** Absent: the agent needs no answer any more. */
  answer?: PermissionAnswer;
}

/** What became of a request to stop a turn. `stored`: its owner stops it; a turn that has not begun can be withdrawn instead. */
export type InterruptOutcome =
  | { kind: 'stored'; isBegun: boolean }
  | { kind: 'ended'; result: TurnResult }
  | { kind: 'gone' };

/** What becomes of an answer. `resolved` before: with what. */
export type AnswerOutcome = { kind: 'ok' } | { kind: 'resolved'; resolution: Resolution } | { kind: 'gone' | 'fenced' };

/** Control requests: what a caller may ask of a session, and its owner fulfils: that a turn stops, that a tool may run, that its agent is there. Holds no state but its store. */
export class ControlRequests {
  constructor(readonly store: SessionStore) {}

  /** Stores that a turn is to stop, and calls its owner. */
  async interrupt(sessionId: string, seq: number): Promise<InterruptOutcome> {
    const incarnation = await this.store.incarnation(sessionId);
    if (incarnation === undefined) return { kind: 'gone' };
    const reply = await this.store.run('interrupt', sessionId, { seq, incarnation });
    switch (reply.code) {
      case 'OK':
        return { kind: 'stored', isBegun: reply.state === 'running' };
      case 'ALREADY':
        return { kind: 'ended', result: parseEntry<TurnResult>(reply.result) };
      case 'GONE':
        return { kind: 'gone' };
    }
  }

  /** Whether a caller asked a turn to stop. */
  async isToStop(sessionId: string, seq: number): Promise<boolean> {
    const { turnPrefix } = this.store.keys.session(sessionId);
    return (await this.store.redis.hexists(`${turnPrefix}${seq}`, 'interrupt')) === 1;
  }

  /** The permission requests of a session that wait for an answer, the oldest first. */
  async permissions(sessionId: string): Promise<PermissionRequest[]> {
    const all = await this.store.redis.hgetall(this.store.keys.session(sessionId).permissions);
    return Object.entries(all)
      .filter(([field, text]) => !field.endsWith('!') && text !== '')
      .map(([, text]) => parseEntry<PermissionRequest>(text))
      .sort((a, b) => a.expiresAt - b.expiresAt);
  }

  /** One request that waits. */
  async permission(sessionId: string, requestId: string): Promise<PermissionRequest | undefined> {
    const text = await this.store.redis.hget(this.store.keys.session(sessionId).permissions, requestId);
    return text ? parseEntry<PermissionRequest>(text) : undefined;
  }

  /** How a request was resolved, if it was. */
  async resolution(sessionId: string, requestId: string): Promise<Resolution | undefined> {
    const text = await this.store.redis.hget(this.store.keys.session(sessionId).permissions, `${requestId}!`);
    return text ? (JSON.parse(text) as Resolution) : undefined;
  }

  /** Resolves a request, once. `fence`: the owner does it itself. */
  async resolve(
    sessionId: string,
    request: Pick<PermissionRequest, 'requestId' | 'seq' | 'name'>,
    resolved: Omit<Resolution, 'answerId'>,
    fence = '',
  ): Promise<AnswerOutcome> {
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
    const reply = await this.store.run('answer', sessionId, {
      requestId: request.requestId,
      seq: request.seq,
      answer: JSON.stringify(resolution),
      incarnation,
      fence,
      event: JSON.stringify(event),
    });
    switch (reply.code) {
      case 'OK':
      case 'REPEATED':
        return { kind: 'ok' };
      case 'ALREADY':
        return { kind: 'resolved', resolution: JSON.parse(reply.answer) as Resolution };
      case 'GONE':
        return { kind: 'gone' };
      case 'FENCED':
        return { kind: 'fenced' };
    }
  }
}
