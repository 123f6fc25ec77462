import {
  type Cursor,
  formatCursor,
  fromErrorBody,
  HearthError,
  parseCursor,
  type StreamExpired,
  type TurnRecord,
  type TurnResult,
} from '@hearth/shared';
import { turnGone } from '@hearth/shared/internal';
import type { Connection } from './connection.js';
import { EventReader, type ReaderEvent } from './reader/event-reader.js';

/** The error of a turn that was committed as failed. `code` says why, `result` holds what is known of the turn. */
export class TurnFailedError extends HearthError {
  override readonly name = 'TurnFailedError';

  constructor(readonly result: Extract<TurnResult, { status: 'failed' }>) {
    const { code, message, ...details } = result.error;
    super(code, message, { ...details, cause: fromErrorBody(result.error) });
  }
}

/** The outcome of a cancel. `running`: it was begun, so it continues. `ended`: it has its result. */
export type Cancellation = 'cancelled' | 'running' | 'ended';

export interface TurnHandleDeps {
  connection: Connection;
  /** Cancels a waiting turn. */
  cancel(): Promise<Cancellation>;
  /** Fails a turn whose `expiresIn` passed before a worker began it. */
  expire(): Promise<unknown>;
  /** The reason why a delayed turn will never come. Undefined: it will. */
  lost?: () => Promise<HearthError | undefined>;
}

/** What is known of a turn when it is submitted. */
export interface Submission {
  sessionId: string;
  turnId: string;
  /** Absent while the turn is delayed. */
  seq: number | undefined;
  /** Turns of the session that came before it when it was submitted. */
  position?: number;
  /** Its result, when it has one already. A reader that has event `by` has the end of the turn too. */
  ended?: { result: TurnResult; by: Cursor } | undefined;
  /** The cursor before its first event. */
  after: Cursor;
  /** When it must have begun (`performance.now()`, ms). */
  beginBy: number | undefined;
}

/** A worker ends expired turns. The waiting caller does so after this, in case no worker lives, ms. */
const expiryGraceMs = 1_500;
/** How often a silent turn is looked up: the first and the longest pause, ms. */
const lookAtFirstMs = 1_000;
const lookAtMostMs = 30_000;
/** The longest time of a timer, ms. */
const timerAtMostMs = 2 ** 31 - 1;

/** A submitted turn: its events, and in the end its result. Each iteration reads all events from the first on. */
export class TurnHandle implements AsyncIterable<ReaderEvent> {
  readonly sessionId: string;
  readonly turnId: string;
  private place: number | undefined;
  private final: TurnResult | undefined;
  private pending: Promise<TurnResult> | undefined;
  private lookAfterMs = lookAtFirstMs;
  private nextLookAt = 0;

  constructor(
    private readonly deps: TurnHandleDeps,
    private readonly submission: Submission,
  ) {
    this.sessionId = submission.sessionId;
    this.turnId = submission.turnId;
    this.place = submission.seq;
    this.final = submission.ended?.result;
  }

  /** Its position in the session, from 1. Undefined while it is delayed. */
  get seq(): number | undefined {
    return this.place;
  }

  /** How many turns of the session came before it when it was submitted, the running one included. Undefined while it is delayed. */
  get position(): number | undefined {
    return this.submission.position;
  }

  /** Whether a reader that starts where this handle starts has the end of the turn already. */
  get isRead(): boolean {
    const { after, ended } = this.submission;
    return ended !== undefined && isAtLeast(after, ended.by);
  }

  [Symbol.asyncIterator](): AsyncIterator<ReaderEvent> {
    return this.events();
  }

  /**
   * Iterates over the turn's events, up to `turn.finished` or `turn.failed`. A reader that comes after the stream was trimmed gets
   * `stream.expired`, then the completed messages and the outcome from the record.
   *
   * @param options.signal ends the iteration early; the turn continues
   * @throws HearthError `turn_gone` when the session was closed and the outcome is not known any more; for a delayed turn the reason why it
   *   never comes
   */
  async *events(options: { signal?: AbortSignal } = {}): AsyncGenerator<ReaderEvent> {
    const { after, ended } = this.submission;
    if (options.signal?.aborted || this.isRead) return;
    const reader = new EventReader(this.deps.connection, this.sessionId, after, (place) => this.hasEndedBy(place));
    const stopExpiry = this.armExpiry();
    const leave = (): void => reader.close();
    options.signal?.addEventListener('abort', leave);
    try {
      for await (const event of reader) {
        if (event.type === 'session.closed') {
          if (this.place !== undefined) throw turnGone(this.sessionId, this.turnId);
          await this.mustBeComing();
          continue;
        }
        if (event.type === 'stream.expired') {
          if (yield* this.record(event)) return;
          continue;
        }
        if ('turnId' in event && event.turnId === this.turnId) this.place = event.seq;
        // Redis failed over without this turn, and gave its seq to another.
        else if ('turnId' in event && event.seq === this.place) throw turnGone(this.sessionId, this.turnId);
        if ('seq' in event && event.seq === this.place) {
          if (event.type === 'turn.started') stopExpiry();
          const isEnding = event.type === 'turn.finished' || event.type === 'turn.failed';
          if (isEnding) this.final = event.result;
          yield event;
          // An earlier iteration may have read the end already. This one reads all events again.
          if (isEnding) return;
        }
        if (ended !== undefined && isAtLeast(parseCursor(event.id), ended.by)) return;
      }
    } finally {
      stopExpiry();
      options.signal?.removeEventListener('abort', leave);
      reader.close();
    }
  }

  /**
   * Waits for the committed result.
   *
   * @throws TurnFailedError when the turn was committed as failed
   */
  async result(): Promise<Extract<TurnResult, { status: 'finished' }>> {
    const result = this.final ?? (await this.ending());
    if (result.status === 'failed') throw new TurnFailedError(result);
    return result;
  }

  /** Cancels the turn while it waits; it fails with `cancelled`. A begun turn continues. @throws HearthError `redis_unreachable` | `turn_gone` */
  async cancel(): Promise<Cancellation> {
    return this.deps.cancel();
  }

  private ending(): Promise<TurnResult> {
    // A wait that failed can be repeated.
    this.pending ??= this.settle().finally(() => {
      this.pending = undefined;
    });
    return this.pending;
  }

  private async settle(): Promise<TurnResult> {
    for await (const event of this) {
      if (event.type === 'turn.finished' || event.type === 'turn.failed') return event.result;
    }
    throw turnGone(this.sessionId, this.turnId);
  }

  /** Checks a delayed turn, because no event tells when its job was removed. @throws HearthError why it will not come */
  private async mustBeComing(): Promise<void> {
    if (this.place !== undefined) return;
    // While Redis is away, the next silence asks again.
    const error = await this.deps.lost?.().catch(() => undefined);
    if (error !== undefined) throw error;
  }

  /**
   * Whether the turn ended at or before a place in the stream without its reader noticing, because a failover gave ids again. A turn that
   * was lost in a failover is noticed here too. It asks less and less often. @throws HearthError `turn_gone`
   */
  private async hasEndedBy(place: number): Promise<boolean> {
    await this.mustBeComing();
    if (this.place === undefined || performance.now() < this.nextLookAt) return false;
    this.lookAfterMs = Math.min(2 * this.lookAfterMs, lookAtMostMs);
    this.nextLookAt = performance.now() + this.lookAfterMs;
    const seq = this.place;
    // While Redis is away, a later call asks again.
    const known = await this.deps.connection.store.turn(this.sessionId, seq).then(
      (record) => ({ record }),
      () => undefined,
    );
    if (known === undefined) return false;
    if (known.record?.turnId !== this.turnId) throw turnGone(this.sessionId, this.turnId);
    return known.record.outcomeEvent !== undefined && known.record.outcomeEvent <= place;
  }

  /** Replaces a gap by what the store knows of the turn. True when that includes its outcome. */
  private async *record(gap: StreamExpired): AsyncGenerator<ReaderEvent, boolean> {
    const { connection } = this.deps;
    const place = this.place ?? (await connection.use(() => connection.store.seqOf(this.sessionId, this.turnId)));
    this.place = place;
    const record =
      place === undefined ? undefined : await connection.use(() => connection.store.turn(this.sessionId, place));
    const isKnown = record?.turnId === this.turnId;
    if (isKnown && record.result !== undefined) {
      yield* this.replay(record, record.result, gap);
      return true;
    }
    yield gap;
    await this.mustBeComing();
    // A turn without a position is delayed and not submitted yet.
    if (place !== undefined && !isKnown) throw turnGone(this.sessionId, this.turnId);
    return false;
  }

  /** Emits the record in place of the events. Entries before the outcome have an id below its own, so that a reader that leaves early can come back for it. */
  private *replay(
    { messages = [], outcomeEvent }: TurnRecord,
    result: TurnResult,
    gap: StreamExpired,
  ): Generator<ReaderEvent> {
    const { seq } = result;
    const cursor = parseCursor(gap.id);
    const last = { ...cursor, id: outcomeEvent ?? cursor.id };
    const before = formatCursor({ ...cursor, id: Math.min(cursor.id, last.id - 1) });
    yield { ...gap, id: before };
    for (const message of messages) yield { type: 'message', seq, ...message, id: before };
    this.final = result;
    const id = formatCursor(last);
    if (result.status === 'finished') yield { type: 'turn.finished', seq, turnId: this.turnId, result, id };
    else yield { type: 'turn.failed', seq, turnId: this.turnId, error: result.error, result, id };
  }

  /** Fails the turn when its time is over. Returns a function that stops the timer. */
  private armExpiry(): () => void {
    const { beginBy } = this.submission;
    if (beginBy === undefined) return () => undefined;
    const dueAt = beginBy + expiryGraceMs;
    let timer: NodeJS.Timeout | undefined;
    let stopped = false;
    const arm = (inMs: number): void => {
      if (!stopped) timer = setTimeout(look, Math.min(inMs, timerAtMostMs));
    };
    const look = (): void => {
      const leftMs = dueAt - performance.now();
      if (leftMs > 0) arm(leftMs);
      else this.deps.expire().catch(() => arm(expiryGraceMs));
    };
    arm(dueAt - performance.now());
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }
}

const isAtLeast = (place: Cursor, other: Cursor): boolean =>
  place.incarnation === other.incarnation && place.id >= other.id;
