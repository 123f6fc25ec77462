import { ReplyError } from 'ioredis';
import type { SessionKeys } from '../keys.js';
import type { HearthEvent, HearthEventOf } from '../schema/events.js';
import type { PermissionRequest } from '../schema/permission.js';
import type { Message, TurnResult } from '../schema/turn.js';
import { encodeSessionId } from '../session-id.js';
import { type ReturnCode, returnCodeOf } from './return-codes.js';
import { parseRing, type Ring } from './ring.js';
import { runScript, type ScriptName } from './scripts.js';
import { type Claim, type SessionStore, unexpected } from './session-store.js';

/** `fenced`: this worker does not own the session any more, so nothing was written and nothing can be. */
export type WriteOutcome<T = object> = ({ kind: 'ok' } & T) | { kind: 'fenced' };

/** `exhausted`: the turn had all its attempts; `expired`: its time in the queue is over; `interrupted`: somebody wants it to stop; `not_head`: it was withdrawn. */
type BeginOutcome =
  | WriteOutcome<{ queuedMs: number }>
  | { kind: 'exhausted' }
  | { kind: 'expired' }
  | { kind: 'interrupted' }
  | { kind: 'not_head' };

export interface CommitInput {
  result: TurnResult;
  messages: readonly Message[];
  claudeSessionId: string | undefined;
  /** Chunks of the transcript that are the session's past from now on. */
  transcriptChunks: number;
  /** What to put before the session's next prompt, or ''. */
  note: string;
  event: HearthEvent;
}

/**
 * The writes of a session's owner. Owns the fence and the batch number.
 *
 * W1 One write at a time: a call starts when the one before has its answer, so numbers are dense.
 * W2 The number moves on only when the script took it; a resend of the same call carries the same number (P12).
 * W3 Fenced once is fenced for good: later calls do not even ask.
 * W4 A write that got no answer may have taken its number or not, so none can follow it: later calls fail like it.
 *    (Under the same number they would be answered as repetitions, and be lost in silence.)
 */
export class SessionWriter {
  private readonly keys: SessionKeys;
  private batch: number;
  private last: Promise<unknown> = Promise.resolve();
  private fencedOut = false;
  private refused = 0;
  private unanswered: { error: unknown } | undefined;

  constructor(
    private readonly store: SessionStore,
    readonly sessionId: string,
    private readonly claim: Claim,
  ) {
    this.keys = store.keys.session(sessionId);
    this.batch = claim.batch;
  }

  get fence(): string {
    return this.claim.fence;
  }
  /** Writes that were refused because the fence had changed. */
  get refusedWrites(): number {
    return this.refused;
  }

  /** Records a begin. */
  async begin(seq: number, event: HearthEvent): Promise<BeginOutcome> {
    const limits = this.store.limits;
    return this.write(
      'begin',
      [seq, limits.attemptsAllowed, ...this.stream([event])],
      (code, reply) => {
        if (code === 'EXHAUSTED') return { kind: 'exhausted' };
        if (code === 'EXPIRED') return { kind: 'expired' };
        if (code === 'INTERRUPTED') return { kind: 'interrupted' };
        if (code === 'NOT_HEAD') return { kind: 'not_head' };
        return { kind: 'ok', queuedMs: Number(reply[2]) };
      },
      ['EXHAUSTED', 'EXPIRED', 'INTERRUPTED', 'NOT_HEAD'],
    );
  }

  async append(events: readonly HearthEvent[]): Promise<WriteOutcome> {
    return this.write('append', this.stream(events), () => ({ kind: 'ok' }));
  }

  /** The tool gate. */
  async reachTool(seq: number, tool: string, event: HearthEvent): Promise<WriteOutcome> {
    return this.write('reach_tool', [seq, tool, ...this.stream([event])], () => ({ kind: 'ok' }));
  }

  /** Records that a tool waits for a permission; `not_head`: its turn is not in hand any more. */
  async askPermission(
    request: Omit<PermissionRequest, 'expiresAt'>,
    deadlineMs: number,
    event: Omit<HearthEventOf<'permission.requested'>, 'expiresAt'>,
  ): Promise<WriteOutcome | { kind: 'not_head' }> {
    const { eventsKept, eventsTtlMs } = this.store.limits;
    // The script puts the time in place of the first 0.
    const timed = (value: object): string => JSON.stringify({ expiresAt: 0, ...value });
    return this.write(
      'ask_permission',
      [request.seq, request.requestId, deadlineMs, timed(request), eventsKept, eventsTtlMs, timed(event)],
      (code) => (code === 'NOT_HEAD' ? { kind: 'not_head' } : { kind: 'ok' }),
      ['NOT_HEAD'],
    );
  }

  /** Appends a chunk; `settled`: no turn is in hand, so the chunk is part of the past at once. */
  async transcript(offset: number, chunk: string | Buffer, settled: boolean): Promise<WriteOutcome> {
    return this.write('transcript', [offset, settled ? '1' : '0', chunk], () => ({ kind: 'ok' }));
  }

  /** Commits. `left`: how many turns wait in the log; `already`: it has a result (it was withdrawn). */
  async commit(seq: number, input: CommitInput): Promise<WriteOutcome<{ left: number }> | { kind: 'already' }> {
    const limits = this.store.limits;
    return this.write(
      'commit',
      [
        seq,
        JSON.stringify(input.result),
        JSON.stringify(input.messages),
        input.result.status,
        input.claudeSessionId ?? '',
        input.transcriptChunks,
        input.result.costUsd,
        input.note,
        encodeSessionId(this.sessionId),
        limits.turnMemoryMs,
        limits.lookAfterMs,
        ...this.stream([input.event]),
      ],
      (code, reply) => (code === 'ALREADY' ? { kind: 'already' } : { kind: 'ok', left: Number(reply[1]) }),
      ['ALREADY'],
    );
  }

  /** Gives the lock back. `left` (mode `drain` only): turns to be rung to intake. */
  async release(
    mode: 'idle' | 'drain',
  ): Promise<WriteOutcome<{ left: { seq: number; ring: Ring }[] }> | { kind: 'not_empty' }> {
    return this.write(
      'release',
      [mode, encodeSessionId(this.sessionId), this.store.limits.turnMemoryMs],
      (code, reply) => {
        if (code === 'NOT_EMPTY') return { kind: 'not_empty' };
        const left: { seq: number; ring: Ring }[] = [];
        for (let at = 1; at < reply.length; at += 2)
          left.push({ seq: Number(reply[at]), ring: parseRing(String(reply[at + 1])) });
        return { kind: 'ok', left };
      },
      ['NOT_EMPTY'],
    );
  }

  private stream(events: readonly HearthEvent[]): (string | number)[] {
    return [
      this.store.limits.eventsKept,
      this.store.limits.eventsTtlMs,
      ...events.map((event) => JSON.stringify(event)),
    ];
  }

  private write<T>(
    script: ScriptName,
    args: readonly (string | number | Buffer)[],
    answer: (code: ReturnCode, reply: unknown[]) => T,
    untaken: readonly ReturnCode[] = [],
  ): Promise<T | { kind: 'fenced' }> {
    const run = async (): Promise<T | { kind: 'fenced' }> => {
      if (this.fencedOut) return this.refuse();
      if (this.unanswered !== undefined) throw this.unanswered.error;
      const numbered = [this.claim.fence, this.batch + 1, ...args];
      const reply = await runScript(this.store.redis, script, this.keys, numbered).catch(async (error: unknown) => {
        this.unanswered = { error };
        if (error instanceof ReplyError) await this.readNumber();
        throw error;
      });
      const code = returnCodeOf(reply);
      if (code === 'OK' || code === 'REPEATED') {
        this.batch += 1;
        return answer(code, reply);
      }
      if (untaken.includes(code)) return answer(code, reply);
      if (code === 'FENCED') {
        this.fencedOut = true;
        return this.refuse();
      }
      throw unexpected(script, code);
    };
    const result = this.last.then(run);
    // The chain goes on after a failure; whoever asked for the write gets the error.
    this.last = result.catch(() => undefined);
    return result;
  }

  /** After a script that failed, and so is over: Redis knows whether it took its number. */
  private async readNumber(): Promise<void> {
    this.batch = Number(await this.store.redis.hget(this.keys[0], 'batch'));
    this.unanswered = undefined;
  }

  private refuse(): { kind: 'fenced' } {
    this.refused += 1;
    return { kind: 'fenced' };
  }
}
