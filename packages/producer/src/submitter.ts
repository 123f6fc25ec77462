import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { HearthError, type OnBusy, type Prompt, parseCursor, type TurnRequest } from '@hearth/shared';
import {
  cancelledError,
  checkPrompt,
  expiredError,
  newRingId,
  type Ring,
  ringAgain,
  type SubmitInput,
  type Submitted,
  turnDoorbell,
  turnGone,
} from '@hearth/shared/internal';
import type { Connection } from './connection.js';
import { type PromptOptions, parsePromptOptions } from './prompt-options.js';
import { streamEnd } from './reader/event-reader.js';
import { type Cancellation, type Submission, TurnHandle, type TurnHandleDeps } from './turn-handle.js';

/** How long a submit waits until a closing session of that name is gone, and how often it tries, ms. */
const closingPatienceMs = 5_000;
const closingAgainMs = 50;

/** A turn before it is in a log. */
interface NewTurn {
  sessionId: string;
  turnId: string;
  request: TurnRequest;
  profile: string | undefined;
  expiresIn: number | undefined;
  isSingleTurn: boolean;
  onBusy: OnBusy | undefined;
}

const byItsSubmitter = 'its submitter cancelled it';

export const newTurnId = (): string => `t-${randomUUID()}`;

/** Submits turns now, or posts them until they are due, and withdraws waiting ones. Holds no state. */
export class Submitter {
  constructor(private readonly connection: Connection) {}

  /** Submits a turn. `isSingleTurn`: to a session for this turn only. @throws HearthError as `Session.prompt` says */
  async submit(sessionId: string, prompt: Prompt, options: PromptOptions, isSingleTurn = false): Promise<TurnHandle> {
    const {
      turnId: givenId,
      metadata,
      profile,
      onInterrupted,
      expiresIn,
      delay,
      priority,
      onBusy,
    } = parsePromptOptions(options);
    // Made before the first attempt and named in errors, so that a retry submits the same turn.
    const turnId = givenId ?? newTurnId();
    const request: TurnRequest = {
      prompt: checkPrompt(prompt, this.connection.options),
      ...(metadata === undefined ? {} : { metadata }),
      ...(priority === undefined ? {} : { priority }),
      onInterrupted: onInterrupted ?? 'fail',
    };
    const turn: NewTurn = { sessionId, turnId, request, profile, expiresIn, isSingleTurn, onBusy };
    await this.connection.connected();
    this.connection.channels.warm(sessionId);
    if (delay !== undefined && delay > 0) return this.post(turn, delay);
    const submitted = await this.trySubmit(turn);
    if (submitted.state !== 'committed') await this.ring(turn, submitted);
    return this.handle(turn, {
      seq: submitted.seq,
      position: submitted.position,
      after: { incarnation: submitted.incarnation, id: submitted.cursor },
      beginBy: expiresIn === undefined ? undefined : performance.now() + expiresIn,
    });
  }

  /** @throws HearthError `turn_gone` | `invalid_options` | `redis_unreachable` */
  async follow(sessionId: string, turnId: string, after?: string): Promise<TurnHandle> {
    const { store, delayed } = this.connection;
    const { job, end, turn, session } = await this.connection.use(async () => {
      // In this order: a turn that is submitted meanwhile is known, or its events follow.
      const job = await delayed.find(sessionId, turnId);
      const end = await streamEnd(this.connection, sessionId);
      const seq = await store.seqOf(sessionId, turnId);
      const turn = seq === undefined ? undefined : await store.turn(sessionId, seq);
      return { job: seq === undefined ? job : undefined, end, turn, session: await store.session(sessionId) };
    });
    if (job !== undefined) {
      return this.handle(
        { sessionId, turnId },
        { seq: undefined, after: after === undefined ? end : parseCursor(after), beginBy: undefined },
        job,
      );
    }
    if (turn === undefined || session === undefined) throw turnGone(sessionId, turnId);
    const { incarnation, lastEvent } = session;
    return this.handle(
      { sessionId, turnId },
      {
        seq: turn.seq,
        ended: turn.result && { result: turn.result, by: { incarnation, id: turn.outcomeEvent ?? lastEvent } },
        after: after === undefined ? { incarnation, id: turn.cursor ?? 0 } : parseCursor(after),
        beginBy: undefined,
      },
    );
  }

  /** @throws HearthError `turn_gone` | `redis_unreachable` */
  async cancel(sessionId: string, turnId: string): Promise<Cancellation> {
    const outcome = await this.connection.use(() => this.withdraw(sessionId, turnId, cancelledError(byItsSubmitter)));
    if (outcome !== undefined) return outcome;
    throw turnGone(sessionId, turnId);
  }

  /** Posts a delayed turn as a job. Before it is due it is not in its session's log. */
  private async post(turn: NewTurn, delayMs: number): Promise<TurnHandle> {
    const { sessionId, turnId, request, profile, expiresIn, isSingleTurn, onBusy } = turn;
    const { prompt, metadata, onInterrupted, priority } = request;
    const job = {
      sessionId: isSingleTurn ? undefined : sessionId,
      prompt,
      turnId,
      profile,
      metadata,
      onInterrupted,
      onBusy,
      expiresIn,
    };
    const posted = await this.orUnknown(turnId, async () => {
      const after = await streamEnd(this.connection, sessionId);
      // A turn that is in the log by now has events before that cursor.
      if ((await this.connection.store.seqOf(sessionId, turnId)) !== undefined) return undefined;
      return { after, ...(await this.connection.delayed.post(sessionId, job, { delayMs, priority })) };
    });
    if (posted === undefined) return this.follow(sessionId, turnId);
    const { after, ring, isNew } = posted;
    // A turn that was posted before has its own deadline.
    const beginBy = isNew && expiresIn !== undefined ? performance.now() + delayMs + expiresIn : undefined;
    return this.handle(turn, { seq: undefined, after, beginBy }, ring);
  }

  private handle(
    { sessionId, turnId }: Pick<NewTurn, 'sessionId' | 'turnId'>,
    place: Omit<Submission, 'sessionId' | 'turnId'>,
    job?: Ring,
  ): TurnHandle {
    const { connection } = this;
    const deps: TurnHandleDeps = {
      connection,
      cancel: () => this.cancel(sessionId, turnId),
      expire: () => connection.use(() => this.withdraw(sessionId, turnId, expiredError(turnId))),
      ...(job && { lost: () => connection.delayed.lost(sessionId, turnId, job) }),
    };
    return new TurnHandle(deps, { sessionId, turnId, ...place });
  }

  /** Fails a turn that waits in the log, or is not due yet. Undefined: there is no such turn. */
  private async withdraw(sessionId: string, turnId: string, error: HearthError): Promise<Cancellation | undefined> {
    // First the delayed turn: when its note is gone, a submitted turn is in the log.
    const isRefused = await this.connection.delayed.refuse(sessionId, turnId, error);
    const seq = await this.connection.store.seqOf(sessionId, turnId);
    // The session, and the turn with it, has just ended.
    if (seq === undefined) return isRefused ? 'cancelled' : undefined;
    const outcome = await this.connection.lifecycle.withdraw(sessionId, seq, error);
    switch (outcome.kind) {
      case 'withdrawn':
        for (const ring of outcome.rings) await this.connection.ringer.remove(ring);
        return 'cancelled';
      case 'running':
        return 'running';
      case 'committed':
        return outcome.result.status === 'failed' && outcome.result.error.code === error.code ? 'cancelled' : 'ended';
      case 'gone':
        return undefined;
    }
  }

  private async trySubmit(turn: NewTurn): Promise<Submitted> {
    const { turnId, expiresIn: expiresInMs } = turn;
    return this.orUnknown(turnId, () => this.submitOnceOpen({ ...turn, expiresInMs, ringId: newRingId() }));
  }

  private async orUnknown<T>(turnId: string, submit: () => Promise<T>): Promise<T> {
    try {
      return await submit();
    } catch (error) {
      if (error instanceof HearthError) throw error;
      throw new HearthError(
        'redis_unreachable',
        `Redis was lost while turn ${turnId} was submitted. It may or may not be accepted.`,
        {
          field: 'redisUrl',
          expected: 'a Redis that answers',
          wayOut: `Submit again with turnId ${JSON.stringify(turnId)}. That is the same turn in either case.`,
          cause: error,
        },
      );
    }
  }

  /** Waits for a session that is being closed, because the name is free soon. */
  private async submitOnceOpen(input: SubmitInput): Promise<Submitted> {
    const until = performance.now() + closingPatienceMs;
    for (;;) {
      try {
        return await this.connection.store.submit(input);
      } catch (error) {
        const isClosing = error instanceof HearthError && error.code === 'session_closing';
        if (!isClosing || performance.now() >= until) throw error;
        await pause(closingAgainMs);
      }
    }
  }

  /** Rings the turn's doorbell. A failure is no error, because the turn is accepted and a sweep rings it. */
  private async ring({ sessionId, turnId, request }: NewTurn, submitted: Submitted): Promise<void> {
    const { seq, profile, ring, unheardOwner } = submitted;
    const { leases, ringer } = this.connection;
    try {
      // No worker reads the queue of a dead owner until another worker takes its worker number.
      const isOwnerDead = unheardOwner !== undefined && !(await leases.lives(unheardOwner));
      if (isOwnerDead && (await ringAgain(this.connection, sessionId, seq, ring, 'intake')) !== undefined) return;
      await ringer.ring(ring, turnDoorbell({ sessionId, turnId, seq, profile, request }), request.priority);
    } catch {
      // A sweep rings the turn.
    }
  }
}
