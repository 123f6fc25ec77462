import { randomBytes } from 'node:crypto';
import type { HearthError } from '../errors/hearth-error.js';
import { notOpened } from '../errors/session-errors.js';
import type { HearthEvent } from '../schema/events.js';
import type { TurnResult } from '../schema/turn.js';
import { decodeSessionId } from '../session-id.js';
import { parseEntry } from './entry.js';
import { parseRing, type Ring } from './ring.js';
import type { SessionStore } from './session-store.js';
import { unservedResult } from './unserved-result.js';

export interface OpenedSession {
  incarnation: string;
  /** Id of the last event. */
  cursor: number;
  /** Where to ring: the worker number of the owner, or intake. */
  queue: Ring['queue'];
  profile: string;
  /** The owner, alive or dead. */
  owner: string | undefined;
}

/** `committed`: the turn had a result before. `running`: only its owner ends it. */
export type Withdrawal =
  | { kind: 'withdrawn'; result: TurnResult; rings: Ring[] }
  | { kind: 'committed'; result: TurnResult }
  | { kind: 'running' }
  | { kind: 'gone' };

export interface ClosingSession {
  owner: string | undefined;
  fence: string;
  /** The turns in its log. */
  seqs: number[];
}

/** How many closed sessions Redis remembers, so that workers find the folders that they still have. */
const closedKept = 10_000;

/** Opens and closes sessions, and ends waiting turns without their owner. Stateless. */
export class SessionLifecycle {
  constructor(readonly store: SessionStore) {}

  /**
   * Opens a session before its first turn, or finds it.
   * @throws HearthError `session_closing` | `session_gone` | `profile_mismatch`
   */
  async open(sessionId: string, profile: string | undefined): Promise<OpenedSession> {
    const incarnation = randomBytes(8).toString('hex');
    const reply = await this.store.run('open', sessionId, { profile, incarnation });
    if (reply.code !== 'OK') throw notOpened(sessionId, reply);
    const { code: _code, queue, ...opened } = reply;
    return { ...opened, queue: queue === 'intake' ? 'intake' : Number(queue) };
  }

  /** Fails a waiting turn. `deadFence`: fence of an owner whose lease is known to be absent. */
  async withdraw(sessionId: string, seq: number, error: HearthError, deadFence = ''): Promise<Withdrawal> {
    const [incarnation, turn, nowMs] = await Promise.all([
      this.store.incarnation(sessionId),
      this.store.turn(sessionId, seq),
      this.store.nowMs(),
    ]);
    if (incarnation === undefined || turn === undefined) return { kind: 'gone' };
    if (turn.result !== undefined) return { kind: 'committed', result: turn.result };
    const result = unservedResult(turn, error, Math.max(0, nowMs - turn.submittedAt));
    const event: HearthEvent = { type: 'turn.failed', seq, turnId: turn.turnId, error: result.error, result };
    const reply = await this.store.run('withdraw', sessionId, {
      seq,
      result: JSON.stringify(result),
      deadFence,
      incarnation,
      event: JSON.stringify(event),
    });
    switch (reply.code) {
      case 'OK': {
        const rings = [reply.ring, ...reply.formerRings.split('\n').filter(Boolean)].map(parseRing);
        return { kind: 'withdrawn', result, rings };
      }
      case 'ALREADY':
        return { kind: 'committed', result: parseEntry<TurnResult>(reply.result) };
      case 'RUNNING':
        return { kind: 'running' };
      case 'GONE':
        return { kind: 'gone' };
    }
  }

  /**
   * Starts to close a session. `usedBefore` (ms, Redis' clock) closes only a session without turns that was last used before then.
   * Undefined: the session is gone, or was used since.
   */
  async close(sessionId: string, incarnation: string, usedBefore?: number): Promise<ClosingSession | undefined> {
    const reply = await this.store.run('close', sessionId, { usedBefore, incarnation });
    if (reply.code !== 'OK') return undefined;
    const { owner, fence, seqs } = reply;
    return { owner, fence, seqs };
  }

  /** Deletes all keys of a closing session. Returns the rings whose jobs the caller has to remove. */
  async erase(
    sessionId: string,
    incarnation: string,
    deadFence = '',
  ): Promise<{ kind: 'erased'; rings: Ring[] } | { kind: 'gone' | 'not_yet' }> {
    const event = JSON.stringify({ type: 'session.closed' } satisfies HearthEvent);
    const reply = await this.store.run('erase', sessionId, { incarnation, deadFence, event });
    if (reply.code === 'OK') return { kind: 'erased', rings: reply.rings.map(parseRing) };
    return { kind: reply.code === 'GONE' || reply.code === 'MOVED' ? 'gone' : 'not_yet' };
  }

  /** Turns of one shard whose `expiresIn` has passed before they began. */
  async overdue(shard: number, atMost: number): Promise<{ sessionId: string; seq: number }[]> {
    const { redis, keys } = this.store;
    const now = String(await this.store.nowMs());
    const members = await redis.zrange(keys.deadlines(shard), '-inf', now, 'BYSCORE', 'LIMIT', 0, atMost);
    return members.map((member) => {
      const space = member.indexOf(' ');
      return { sessionId: decodeSessionId(member.slice(0, space)), seq: Number(member.slice(space + 1)) };
    });
  }

  /** Sessions of one shard that were last used before a time (ms, Redis' clock), closing sessions first. */
  async unused(shard: number, before: number, atMost: number): Promise<string[]> {
    const { redis, keys } = this.store;
    const members = await redis.zrange(keys.sessions(shard), '-inf', String(before), 'BYSCORE', 'LIMIT', 0, atMost);
    return members.map(decodeSessionId);
  }

  /** Leaves a note that an incarnation of a session is closed, for every worker that still has a folder of it. */
  async noteClosed(sessionId: string, incarnation: string): Promise<void> {
    const { redis, keys } = this.store;
    await redis.xadd(keys.closed, 'MAXLEN', '~', closedKept, '*', 's', sessionId, 'i', incarnation);
  }

  /** Sessions closed after the note `after`. `0-0`: all that Redis remembers. */
  async closedSince(after: string): Promise<{ note: string; sessionId: string; incarnation: string }[]> {
    const { redis, keys } = this.store;
    const notes = await redis.xrange(keys.closed, `(${after}`, '+', 'COUNT', 1_000);
    return notes.map(([note, fields]) => ({ note, sessionId: fields[1] ?? '', incarnation: fields[3] ?? '' }));
  }
}
