import {
  type Cursor,
  fromErrorBody,
  HearthError,
  type Message,
  type SessionStore,
  type TurnResult,
} from '@hearth/shared';
import { EventReader, type EventReaderDeps, type ReaderEvent } from './reader/event-reader.js';

/** A turn that was committed as failed: `code` says why, `result` holds what is known of it. */
export class TurnFailedError extends HearthError {
  override readonly name = 'TurnFailedError';

  constructor(readonly result: Extract<TurnResult, { status: 'failed' }>) {
    const { code, message, ...details } = result.error;
    super(code, message, { ...details, cause: fromErrorBody(result.error) });
  }
}

export interface TurnHandleDeps extends EventReaderDeps {
  store: SessionStore;
}

/** A submitted turn: its events, and in the end its result. Each iteration reads them all, from the first on. */
export class TurnHandle implements AsyncIterable<ReaderEvent> {
  private final: TurnResult | undefined;
  private pending: Promise<TurnResult> | undefined;

  constructor(
    private readonly deps: TurnHandleDeps,
    readonly sessionId: string,
    readonly turnId: string,
    /** Its place in the session, from 1. */
    readonly seq: number,
    /** Where its first event follows. */
    readonly after: Cursor,
  ) {}

  /**
   * The turn's events, ending with `turn.finished` or `turn.failed`. A reader that comes after the stream was trimmed gets
   * `stream.expired`, then the record: the completed messages and the ending.
   */
  async *[Symbol.asyncIterator](): AsyncIterator<ReaderEvent> {
    const reader = new EventReader(this.deps, this.sessionId, this.after);
    try {
      for await (const event of reader) {
        if (event.type === 'stream.expired') {
          yield event;
          const record = await this.deps.store.turn(this.sessionId, this.seq);
          if (record?.result !== undefined) return yield* this.replay(record.result, record.messages ?? [], event.id);
          if (record === undefined) throw turnGone(this);
          continue;
        }
        if (event.seq !== this.seq) continue;
        if (event.type !== 'turn.finished' && event.type !== 'turn.failed') yield event;
        else {
          this.final = event.result;
          yield event;
          return;
        }
      }
    } finally {
      reader.close();
    }
  }

  /**
   * The committed result.
   * @throws TurnFailedError when the turn was committed as failed
   */
  async result(): Promise<Extract<TurnResult, { status: 'finished' }>> {
    if (this.final === undefined) this.pending ??= this.settle();
    const result = this.final ?? (await this.pending);
    if (result === undefined) throw turnGone(this);
    if (result.status === 'failed') throw new TurnFailedError(result);
    return result;
  }

  private async settle(): Promise<TurnResult> {
    for await (const event of this) {
      if (event.type === 'turn.finished' || event.type === 'turn.failed') return event.result;
    }
    throw turnGone(this);
  }

  private *replay(result: TurnResult, messages: readonly Message[], id: string): Generator<ReaderEvent> {
    for (const message of messages) yield { type: 'message', seq: this.seq, ...message, id };
    this.final = result;
    if (result.status === 'finished') yield { type: 'turn.finished', seq: this.seq, turnId: this.turnId, result, id };
    else yield { type: 'turn.failed', seq: this.seq, turnId: this.turnId, error: result.error, result, id };
  }
}

function turnGone({ sessionId, turnId }: TurnHandle): HearthError {
  return new HearthError('turn_gone', `Turn ${turnId} of session ${sessionId} is not known, or no longer.`, {
    wayOut: 'Results are kept for 24 hours after their commit.',
  });
}
