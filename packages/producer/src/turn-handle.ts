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

/** A turn that was committed as failed: `code` says why, `result` holds what is known of it. */
export class TurnFailedError extends HearthError {
  override readonly name = 'TurnFailedError';

  constructor(readonly result: Extract<TurnResult, { status: 'failed' }>) {
    const { code, message, ...details } = result.error;
    super(code, message, { ...details, cause: fromErrorBody(result.error) });
  }
}

/** What became of a cancel. `running`: it was begun, so it goes on; `ended`: it has its result. */
export type Cancellation = 'cancelled' | 'running' | 'ended';

export interface TurnHandleDeps {
  connection: Connection;
  /** Cancels a turn that waits. */
  cancel(): Promise<Cancellation>;
  /** Ends a turn that nobody began in time. */
  expire(): Promise<unknown>;
  /** Why a turn that is delayed will never come, if so. */
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
  /** Its result, when it has one already; whoever has event `by` has its ending too. */
  ended?: { result: TurnResult; by: Cursor } | undefined;
  /** Where its first event follows. */
  after: Cursor;
  /** performance.now() when it must have begun, if ever. */
  beginBy: number | undefined;
}

/** A worker ends turns that expired; should none live, whoever waits does, so much later, ms. */
const expiryGraceMs = 1_500;
/** How often a turn that nothing is heard of is looked for, at first and at last, ms. */
const lookAtFirstMs = 1_000;
const lookAtMostMs = 30_000;
/** A timer reaches no further, ms. */
const timerAtMostMs = 2 ** 31 - 1;

/** A submitted turn: its events, and in the end its result. Each iteration reads them all, from the first on. */
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

  /** Its place in the session, from 1; undefined while it is delayed. */
  get seq(): number | undefined {
    return this.place;
  }

  /** Turns of the session that came before it when it was submitted, the one that ran included; undefined while it is delayed. */
  get position(): number | undefined {
    return this.submission.position;
  }

  /** Whether whoever follows it from where this handle begins has its ending already: nothing follows. */
  get isRead(): boolean {
    const { after, ended } = this.submission;
    return ended !== undefined && isAtLeast(after, ended.by);
  }

  [Symbol.asyncIterator](): AsyncIterator<ReaderEvent> {
    return this.events();
  }

  /**
   * The turn's events, ending with `turn.finished` or `turn.failed`. A reader that comes after the stream was trimmed gets
   * `stream.expired`, then the record: the completed messages and the ending.
   * @param options.signal ends the iteration before that; the turn goes on
   * @throws HearthError `turn_gone` when the session was closed and the turn's ending is no longer known; of a delayed turn: why it never comes
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
        // A Redis that failed over had not heard of it, and has given its place to another.
        else if ('turnId' in event && event.seq === this.place) throw turnGone(this.sessionId, this.turnId);
        if ('seq' in event && event.seq === this.place) {
          if (event.type === 'turn.started') stopExpiry();
          const isEnding = event.type === 'turn.finished' || event.type === 'turn.failed';
          if (isEnding) this.final = event.result;
          yield event;
          // Known perhaps from an iteration before: this one reads them all again.
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
   * The committed result.
   * @throws TurnFailedError when the turn was committed as failed
   */
  async result(): Promise<Extract<TurnResult, { status: 'finished' }>> {
    const result = this.final ?? (await this.ending());
    if (result.status === 'failed') throw new TurnFailedError(result);
    return result;
  }

  /** Cancels the turn while it waits: it fails with `cancelled`. One that was begun goes on. @throws HearthError `redis_unreachable` | `turn_gone` */
  async cancel(): Promise<Cancellation> {
    return this.deps.cancel();
  }

  private ending(): Promise<TurnResult> {
    // One that could not be waited for can be waited for again.
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

  /** Nothing tells of a turn whose job went before its session knew it. @throws HearthError why it will not come */
  private async mustBeComing(): Promise<void> {
    if (this.place !== undefined) return;
    // When Redis is away, the next silence asks again.
    const error = await this.deps.lost?.().catch(() => undefined);
    if (error !== undefined) throw error;
  }

  /**
   * Whether the turn ended at or before a place in the stream, and its ending was not read: a failover gave ids again.
   * Nothing tells of a turn that was lost in one, either. Asked less and less often. @throws HearthError `turn_gone`
   */
  private async hasEndedBy(place: number): Promise<boolean> {
    await this.mustBeComing();
    if (this.place === undefined || performance.now() < this.nextLookAt) return false;
    this.lookAfterMs = Math.min(2 * this.lookAfterMs, lookAtMostMs);
    this.nextLookAt = performance.now() + this.lookAfterMs;
    const seq = this.place;
    // When Redis is away, the look after this one asks again.
    const known = await this.deps.connection.store.turn(this.sessionId, seq).then(
      (record) => ({ record }),
      () => undefined,
    );
    if (known === undefined) return false;
    if (known.record?.turnId !== this.turnId) throw turnGone(this.sessionId, this.turnId);
    return known.record.ending !== undefined && known.record.ending <= place;
  }

  /** At a gap: what the store knows of the turn. True when that is its ending. */
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
    // Without a place it is delayed, and not admitted yet.
    if (place !== undefined && !isKnown) throw turnGone(this.sessionId, this.turnId);
    return false;
  }

  /** The record in place of the events. What comes before the ending has an id below its own: whoever leaves before it gets it when they come back. */
  private *replay(
    { messages = [], ending }: TurnRecord,
    result: TurnResult,
    gap: StreamExpired,
  ): Generator<ReaderEvent> {
    const { seq } = result;
    const cursor = parseCursor(gap.id);
    const last = { ...cursor, id: ending ?? cursor.id };
    const before = formatCursor({ ...cursor, id: Math.min(cursor.id, last.id - 1) });
    yield { ...gap, id: before };
    for (const message of messages) yield { type: 'message', seq, ...message, id: before };
    this.final = result;
    const id = formatCursor(last);
    if (result.status === 'finished') yield { type: 'turn.finished', seq, turnId: this.turnId, result, id };
    else yield { type: 'turn.failed', seq, turnId: this.turnId, error: result.error, result, id };
  }

  /** Ends the turn when its time is over. Returns how to stop that. */
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
