import { randomBytes } from 'node:crypto';
import type { HearthEventOf } from '../schema/events.js';
import type { PermissionAnswer, PermissionRequest } from '../schema/permission.js';
import type { TurnResult } from '../schema/turn.js';
import { parseEntry } from './entry.js';
import type { SessionStore } from './session-store.js';

/** How a permission request was resolved. */
export interface Resolution {
  /** Unique, so that a resend differs from a second answer. */
  answerId: string;
  by: HearthEventOf<'permission.resolved'>['by'];
  /** Absent: the agent withdrew the request. */
  answer?: PermissionAnswer;
}

/** `stored`: the owner stops the turn. A turn that has not begun can also be withdrawn. */
export type InterruptOutcome =
  | { kind: 'stored'; isBegun: boolean }
  | { kind: 'ended'; result: TurnResult }
  | { kind: 'gone' };

/** `resolved`: another answer resolved the request before. */
export type AnswerOutcome = { kind: 'ok' } | { kind: 'resolved'; resolution: Resolution } | { kind: 'gone' | 'fenced' };

/** Stores and reads control requests: interrupts, and answers to permission requests. Stateless. */
export class ControlRequests {
  constructor(readonly store: SessionStore) {}

  /** Stores the interrupt of a turn, and calls the owner. */
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

  /** Whether a caller interrupted a turn. */
  async isToStop(sessionId: string, seq: number): Promise<boolean> {
    const { turnPrefix } = this.store.keys.session(sessionId);
    return (await this.store.redis.hexists(`${turnPrefix}${seq}`, 'interrupt')) === 1;
  }

  /** The open permission requests of a session, by deadline. */
  async permissions(sessionId: string): Promise<PermissionRequest[]> {
    const all = await this.store.redis.hgetall(this.store.keys.session(sessionId).permissions);
    return Object.entries(all)
      .filter(([field, text]) => !field.endsWith('!') && text !== '')
      .map(([, text]) => parseEntry<PermissionRequest>(text))
      .sort((a, b) => a.expiresAt - b.expiresAt);
  }

  /** One open permission request. */
  async permission(sessionId: string, requestId: string): Promise<PermissionRequest | undefined> {
    const text = await this.store.redis.hget(this.store.keys.session(sessionId).permissions, requestId);
    return text ? parseEntry<PermissionRequest>(text) : undefined;
  }

  async resolution(sessionId: string, requestId: string): Promise<Resolution | undefined> {
    const text = await this.store.redis.hget(this.store.keys.session(sessionId).permissions, `${requestId}!`);
    return text ? (JSON.parse(text) as Resolution) : undefined;
  }

  /** Resolves a permission request, once. `fence`: of an owner that resolves its own request. */
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
