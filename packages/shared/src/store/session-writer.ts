import { ReplyError } from 'ioredis';
import type { HearthEvent, HearthEventOf } from '../schema/events.js';
import type { PermissionRequest } from '../schema/permission.js';
import type { Message, TurnResult } from '../schema/turn.js';
import { parseRing, type Ring } from './ring.js';
import { type ScriptArgs, type ScriptReply, unexpectedReply } from './scripts.js';
import type { Claim, SessionScript, SessionStore, StoreArgs } from './session-store.js';

/** The scripts that write under a fence. */
type WriterScript = Extract<
  SessionScript,
  'begin' | 'append' | 'reach_tool' | 'ask_permission' | 'transcript' | 'commit' | 'release'
>;
/** The replies of a script without GAP, which {@link SessionWriter} throws. */
type Written<N extends WriterScript> = Exclude<ScriptReply<N>, { code: 'GAP' }> | { code: 'FENCED' };

/** `fenced`: this worker no longer owns the session, so this write and all later ones have no effect. */
export type WriteOutcome<T = object> = ({ kind: 'ok' } & T) | { kind: 'fenced' };

/** `exhausted`: the turn had all its attempts. `expired`: its `expiresIn` has passed. `not_head`: it was withdrawn. */
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
  /** How many chunks of the transcript are committed. */
  transcriptChunks: number;
  /** Text before the session's next prompt (P7), or ''. */
  note: string;
  event: HearthEvent;
}

/**
 * Writes as a session's owner. Owns the fence and the batch number.
 *
 * W1 One write at a time: a call starts when the previous one has its reply, so batch numbers are dense.
 * W2 The number increases only when the script took it, so a resend of the same call carries the same number (P12).
 * W3 After FENCED, later calls are fenced without a request.
 * W4 After a write without a reply, later calls fail with the same error. The number may be taken, and then a write under it would be
 *    answered with REPEATED and be lost.
 */
export class SessionWriter {
  private batch: number;
  private last: Promise<unknown> = Promise.resolve();
  private fencedOut = false;
  private unanswered: { error: unknown } | undefined;

  constructor(
    private readonly store: SessionStore,
    readonly sessionId: string,
    private readonly claim: Claim,
  ) {
    this.batch = claim.batch;
  }

  get fence(): string {
    return this.claim.fence;
  }

  /** Records that the owner is about to write the prompt to the agent. */
  async begin(seq: number, event: HearthEvent): Promise<BeginOutcome> {
    const reply = await this.write('begin', { seq, events: [JSON.stringify(event)] });
    return isDone(reply) ? { kind: 'ok', queuedMs: reply.queuedMs } : { kind: kindOf(reply.code) };
  }

  async append(events: readonly HearthEvent[]): Promise<WriteOutcome> {
    const reply = await this.write('append', { events: events.map((event) => JSON.stringify(event)) });
    return isDone(reply) ? { kind: 'ok' } : { kind: 'fenced' };
  }

  /** Records that a tool is about to run (the tool gate). */
  async reachTool(seq: number, tool: string, event: HearthEvent): Promise<WriteOutcome> {
    const reply = await this.write('reach_tool', { seq, tool, event: JSON.stringify(event) });
    if (reply.code === 'NOT_HEAD') throw unexpectedReply('reach_tool', reply.code);
    return isDone(reply) ? { kind: 'ok' } : { kind: 'fenced' };
  }

  /** Records that a tool waits for a permission. `not_head`: its turn does not run any more. */
  async askPermission(
    request: Omit<PermissionRequest, 'expiresAt'>,
    deadlineMs: number,
    event: Omit<HearthEventOf<'permission.requested'>, 'expiresAt'>,
  ): Promise<WriteOutcome | { kind: 'not_head' }> {
    const { seq, requestId } = request;
    const json = { request: JSON.stringify(request), event: JSON.stringify(event) };
    const reply = await this.write('ask_permission', { seq, requestId, deadlineMs, ...json });
    return isDone(reply) ? { kind: 'ok' } : { kind: kindOf(reply.code) };
  }

  /** Appends a chunk of the transcript. `isSettled`: no turn runs, so the chunk is committed at once. */
  async transcript(offset: number, chunk: string | Buffer, isSettled: boolean): Promise<WriteOutcome> {
    const reply = await this.write('transcript', { offset, isSettled, chunk });
    return isDone(reply) ? { kind: 'ok' } : { kind: 'fenced' };
  }

  /** Commits a turn. `already`: the turn was withdrawn and has a result. */
  async commit(seq: number, input: CommitInput): Promise<WriteOutcome | { kind: 'already' }> {
    const reply = await this.write('commit', {
      seq,
      result: JSON.stringify(input.result),
      messages: JSON.stringify(input.messages),
      state: input.result.status,
      claudeSessionId: input.claudeSessionId,
      transcriptChunks: input.transcriptChunks,
      costUsd: input.result.costUsd,
      note: input.note,
      event: JSON.stringify(input.event),
    });
    return isDone(reply) ? { kind: 'ok' } : { kind: kindOf(reply.code) };
  }

  /** Releases the lock. `left`: turns to be rung to intake, after mode `drain`. */
  async release(
    mode: 'idle' | 'drain',
  ): Promise<WriteOutcome<{ left: { seq: number; ring: Ring }[] }> | { kind: 'not_empty' }> {
    const reply = await this.write('release', { mode });
    if (!isDone(reply)) return { kind: kindOf(reply.code) };
    const left = reply.code === 'OK' ? reply.left : [];
    return { kind: 'ok', left: left.map(({ seq, ring }) => ({ seq, ring: parseRing(ring) })) };
  }

  private write<N extends WriterScript>(
    script: N,
    args: Omit<ScriptArgs<N>, StoreArgs | 'fence' | 'batch'>,
  ): Promise<Written<N>> {
    const run = async (): Promise<Written<N>> => {
      if (this.fencedOut) return { code: 'FENCED' as const };
      if (this.unanswered !== undefined) throw this.unanswered.error;
      const numbered = { ...args, fence: this.claim.fence, batch: this.batch + 1 };
      const reply = await this.store
        .run(script, this.sessionId, numbered as unknown as Omit<ScriptArgs<N>, StoreArgs>)
        .catch(async (error: unknown) => {
          this.unanswered = { error };
          if (error instanceof ReplyError) await this.readBatch();
          throw error;
        });
      if (reply.code === 'GAP') throw unexpectedReply(script, reply.code);
      if (isDone(reply)) this.batch += 1;
      if (reply.code === 'FENCED') {
        this.fencedOut = true;
        return { code: 'FENCED' as const };
      }
      return reply as Written<N>;
    };
    const result = this.last.then(run);
    // The caller of this write gets the error.
    this.last = result.catch(() => undefined);
    return result;
  }

  /** Reads whether a failed script took its batch number. */
  private async readBatch(): Promise<void> {
    const { session } = this.store.keys.session(this.sessionId);
    this.batch = Number(await this.store.redis.hget(session, 'batch'));
    this.unanswered = undefined;
  }
}

/** Whether the write took effect, by this call or by an earlier send of it. */
const isDone = <R extends { code: string }>(reply: R): reply is Extract<R, { code: 'OK' | 'REPEATED' }> =>
  reply.code === 'OK' || reply.code === 'REPEATED';

/** The outcome of a return code: `NOT_HEAD` is `not_head`. */
const kindOf = <C extends string>(code: C): Lowercase<C> => code.toLowerCase() as Lowercase<C>;
