import { HearthError } from '../errors/hearth-error.js';
import type { HearthEvent } from '../schema/events.js';
import type { TurnResult } from '../schema/turn.js';
import { decodeSessionId } from '../session-id.js';
import { parseEntry } from './entry.js';
import { parseRing, type Ring } from './ring.js';
import type { SessionStore } from './session-store.js';
import { unservedResult } from './unserved-result.js';

/** What became of a request to end a turn that waits. `running`: an owner has begun it. */
export type Withdrawal =
  | { kind: 'withdrawn'; result: TurnResult; rings: Ring[] }
  | { kind: 'committed'; result: TurnResult }
  | { kind: 'running' }
  | { kind: 'gone' };

/** A session that takes no turn any more. */
export interface ClosingSession {
  owner: string | undefined;
  fence: string;
  /** Turns still in its log. */
  seqs: number[];
}

/** The closed sessions that are remembered, so that workers find the folders they still have of them. */
const closedKept = 10_000;

/** How turns that wait, and sessions, are ended by others than their owner. Holds no state but its store. */
export class SessionEndings {
  constructor(readonly store: SessionStore) {}

  /** Commits an error to a turn that waits. `deadFence`: a fence whose owner's lease was found absent. */
  async withdraw(sessionId: string, seq: number, error: HearthError, deadFence = ''): Promise<Withdrawal> {
    const [incarnation, turn, nowMs] = await Promise.all([
      this.store.incarnation(sessionId),
      this.store.turn(sessionId, seq),
      this.nowMs(),
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

  /** Begins the end of a session; `usedBefore` (Redis' clock): only if nobody used it since. Undefined: it is gone, or was used since. */
  async close(sessionId: string, incarnation: string, usedBefore?: number): Promise<ClosingSession | undefined> {
    const reply = await this.store.run('close', sessionId, { usedBefore, incarnation });
    if (reply.code !== 'OK') return undefined;
    const { owner, fence, seqs } = reply;
    return { owner, fence, seqs };
  }

  /** Deletes all keys of a closing session; the jobs that rang its turns are for the caller to remove. */
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

  /** Turns of one shard whose time in the queue is over. */
  async overdue(shard: number, atMost: number): Promise<{ sessionId: string; seq: number }[]> {
    const { redis, keys } = this.store;
    const now = String(await this.nowMs());
    const members = await redis.zrange(keys.deadlines(shard), '-inf', now, 'BYSCORE', 'LIMIT', 0, atMost);
    return members.map((member) => {
      const space = member.indexOf(' ');
      return { sessionId: decodeSessionId(member.slice(0, space)), seq: Number(member.slice(space + 1)) };
    });
  }

  /** Sessions of one shard not used since `before` (Redis' clock, ms since 1970), those that are being closed first. */
  async unused(shard: number, before: number, atMost: number): Promise<string[]> {
    const { redis, keys } = this.store;
    const members = await redis.zrange(keys.sessions(shard), '-inf', String(before), 'BYSCORE', 'LIMIT', 0, atMost);
    return members.map(decodeSessionId);
  }

  /** Redis' clock, ms since 1970: what sessions and turns are dated by. */
  async nowMs(): Promise<number> {
    const [seconds, micros] = await this.store.redis.time();
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  }

  /** Notes that an incarnation of a session is over, for every worker that still has a folder of it. */
  async noteClosed(sessionId: string, incarnation: string): Promise<void> {
    const { redis, keys } = this.store;
    await redis.xadd(keys.closed, 'MAXLEN', '~', closedKept, '*', 's', sessionId, 'i', incarnation);
  }

  /** Sessions closed after the note `after` (`0-0`: all that are remembered). */
  async closedSince(after: string): Promise<{ note: string; sessionId: string; incarnation: string }[]> {
    const { redis, keys } = this.store;
    const notes = await redis.xrange(keys.closed, `(${after}`, '+', 'COUNT', 1_000);
    return notes.map(([note, fields]) => ({ note, sessionId: fields[1] ?? '', incarnation: fields[3] ?? '' }));
  }
}

/** The error of a turn whose time in the queue is over. */
export function expiredError(turnId: string): HearthError {
  return new HearthError('expired', `Turn ${turnId} waited longer than its expiresIn allowed, and was not begun.`, {
    field: 'expiresIn',
    expected: 'a worker with a place within that time',
    wayOut: 'Prompt again, with more time, or start more workers.',
  });
}

/** The error of a turn that somebody cancelled. */
export function cancelledError(why: string): HearthError {
  return new HearthError('cancelled', `The turn was cancelled: ${why}.`, {
    wayOut: 'Submit it again under another turnId.',
  });
}
