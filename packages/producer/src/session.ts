import {
  type PermissionAnswer,
  type PermissionRequest,
  type Prompt,
  parseCursor,
  type SessionSummary,
  type TurnRecord,
} from '@hearth/shared';
import { closeSession, readTranscript } from '@hearth/shared/internal';
import type { Connection } from './connection.js';
import { type Interruption, type InterruptOptions, interrupt } from './interrupt.js';
import { answerPermission } from './permissions.js';
import type { PromptOptions } from './prompt-options.js';
import { EventReader, type ReaderEvent, streamEnd } from './reader/event-reader.js';
import type { RawLine } from './reader/raw-lines.js';
import type { Submitter } from './submitter.js';
import type { Cancellation, TurnHandle } from './turn-handle.js';
import { type Warmed, type WarmOptions, warm } from './warm.js';

/** How long a close waits for a live owner, ms. Longer than the default TTL of a lease. */
const closeDeadlineMs = 30_000;

/**
 * One session, by its name. It holds no state, so it can be created as often as needed. Calls fail with `redis_unreachable` when Redis is
 * away, or lost before it answers. Iterations continue when Redis is back.
 */
export class Session {
  constructor(
    private readonly connection: Connection,
    private readonly submitter: Submitter,
    readonly sessionId: string,
  ) {}

  /**
   * Submits a turn. When this resolves, the turn is accepted and is not lost (P1).
   *
   * @throws HearthError `invalid_prompt` | `prompt_too_large` | `invalid_turn_id` | `invalid_metadata` | `invalid_options` |
   *   `profile_mismatch` | `backlog_full` | `session_closing` | `redis_unreachable` | `redis_too_old` | `redis_evicting` | `closed`
   */
  async prompt(prompt: Prompt, options: PromptOptions = {}): Promise<TurnHandle> {
    return this.submitter.submit(this.sessionId, prompt, options);
  }

  /** Cancels a turn that waits in the log, or is not due yet. @throws HearthError `turn_gone` | `redis_unreachable` */
  async cancel(turnId: string): Promise<Cancellation> {
    return this.submitter.cancel(this.sessionId, turnId);
  }

  /**
   * Stops a turn in band; its agent lives on. The turn ends with `interrupted` and its text so far. The request is stored for that turn,
   * so it survives a takeover and hits no later turn.
   *
   * @param options.turnId the turn (default: the running one, or the next one)
   * @param options.deadlineMs how long to wait for its end (15 s)
   * @throws HearthError `owner_unreachable` past the deadline (the request is kept) | `turn_gone` | `redis_unreachable`
   */
  async interrupt(options: InterruptOptions = {}): Promise<Interruption> {
    return this.connection.use(() => interrupt(this.connection, this.sessionId, options));
  }

  /** Lists the permission requests that wait for an answer, the oldest first. */
  async permissions(): Promise<PermissionRequest[]> {
    return this.connection.use(() => this.connection.controls.permissions(this.sessionId));
  }

  /**
   * Answers a permission request. The first answer counts.
   *
   * @throws HearthError `invalid_answer` | `already_resolved` | `request_gone` (its turn ended, or another owner runs it now) |
   *   `redis_unreachable`
   */
  async answer(requestId: string, answer: PermissionAnswer): Promise<void> {
    return this.connection.use(() => answerPermission(this.connection, this.sessionId, requestId, answer));
  }

  /**
   * Starts the session's agent before its next prompt. Opens a new session.
   *
   * @param options.profile the profile of a new session
   * @param options.deadlineMs how long to wait (30 s)
   * @throws HearthError `owner_unreachable` when no worker did it in time | `profile_mismatch` | `session_closing` | the reason why its
   *   agent does not start | `redis_unreachable`
   */
  async warm(options: WarmOptions = {}): Promise<Warmed> {
    return this.connection.use(() => warm(this.connection, this.sessionId, options));
  }

  /**
   * Closes the session: ends its agent, cancels running, waiting and delayed turns, erases its keys, jobs and files. The same name opens
   * a new session after that.
   *
   * @param options.deadlineMs how long to wait for an owner that does not answer (a dead owner is found within its lease TTL)
   * @param options.usedBefore close only if it was last used before (Redis' clock, ms since 1970; see `usedAt` of a summary) and has no turn
   * @returns false when there was no such session, or it was used since
   * @throws HearthError `owner_unreachable` past the deadline (a worker closes it later) | `redis_unreachable`
   */
  async close(options: { deadlineMs?: number; usedBefore?: number } = {}): Promise<boolean> {
    const deadlineMs = options.deadlineMs ?? closeDeadlineMs;
    return this.connection.use(() => closeSession(this.connection, this.sessionId, { ...options, deadlineMs }));
  }

  /** Summarises the session. Undefined: no caller has opened it, or it was closed. */
  async summary(): Promise<SessionSummary | undefined> {
    return this.connection.use(() => this.connection.store.session(this.sessionId));
  }

  /** Reads a turn that waits, runs or is remembered, by its seq or its turnId. */
  async turn(which: number | string): Promise<TurnRecord | undefined> {
    const { store } = this.connection;
    return this.connection.use(async () => {
      const seq = typeof which === 'number' ? which : await store.seqOf(this.sessionId, which);
      return seq === undefined ? undefined : store.turn(this.sessionId, seq);
    });
  }

  /**
   * Follows a turn that was submitted before, also by another process: from its first event, or after the event `after`.
   *
   * @throws HearthError `turn_gone` | `invalid_options`
   */
  async follow(turnId: string, options: { after?: string } = {}): Promise<TurnHandle> {
    return this.submitter.follow(this.sessionId, turnId, options.after);
  }

  /**
   * Reads the last remembered turns in order: their prompts, and after the commit their results and messages.
   *
   * @param options.last how many at most (20)
   * @param options.before only turns before this seq: the page before
   */
  async turns(options: { last?: number; before?: number } = {}): Promise<TurnRecord[]> {
    const { last = 20, before } = options;
    return this.connection.use(() => this.connection.store.turns(this.sessionId, last, before));
  }

  /** Reads Claude's own record of the conversation up to the last commit, as JSONL: `main`, and the files of sub-agents. */
  async transcript(): Promise<Map<string, string>> {
    const { store } = this.connection;
    return this.connection.use(async () =>
      readTranscript(store, this.sessionId, await store.committedChunks(this.sessionId)),
    );
  }

  /**
   * Iterates over the session's events, without end: leave the loop, or abort the signal. With `after` (an event's id) it starts there: every
   * event once, in order, or one `stream.expired`. Otherwise it starts now, also for a session that is not open yet.
   */
  async *events(options: { after?: string; signal?: AbortSignal } = {}): AsyncGenerator<ReaderEvent> {
    const after = await this.connection.use(async () =>
      options.after === undefined ? streamEnd(this.connection, this.sessionId) : parseCursor(options.after),
    );
    const reader = new EventReader(this.connection, this.sessionId, after);
    if (options.signal?.aborted) return;
    const leave = (): void => reader.close();
    options.signal?.addEventListener('abort', leave);
    try {
      yield* reader;
    } finally {
      options.signal?.removeEventListener('abort', leave);
    }
  }

  /** Iterates over the raw lines to and from the session's agent, for debugging. They are not stored. */
  async *rawLines(signal: AbortSignal): AsyncGenerator<RawLine> {
    await this.connection.connected();
    yield* this.connection.rawLines.of(this.sessionId, signal);
  }
}
