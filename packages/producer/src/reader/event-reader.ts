import { type Cursor, formatCursor, HearthError, type StreamExpired, type StreamedEvent } from '@hearth/shared';
import { type Keys, type NumberedEvent, readEventsAfter, type SessionStore } from '@hearth/shared/internal';
import type { Redis } from 'ioredis';
import type { Channels } from './channels.js';

/** The stream is read after so much silence, because the last message may be lost (P11), ms. */
const silenceMs = 2_000;
/** How many events are taken from the channel ahead of the reader. Further events are read from the stream. */
const aheadAtMost = 1_000;
/** Events per read of the stream. */
const perRead = 500;

export type ReaderEvent = StreamedEvent | StreamExpired;

export interface EventReaderDeps {
  redis: Redis;
  keys: Keys;
  channels: Channels;
}

/** The end of a session's stream. For a session that is not open: before its beginning. */
export async function streamEnd({ store }: { store: SessionStore }, sessionId: string): Promise<Cursor> {
  const session = await store.session(sessionId);
  return { incarnation: session?.incarnation ?? '', id: session?.lastEvent ?? 0 };
}

/**
 * Reads a session's events from a cursor on: every event once, in order, or one `stream.expired` (P11).
 * Owns its place in the stream and a bounded number of events ahead of it.
 *
 * E1 An event from the channel is taken when its id is the next one. An older one is ignored. A later one means a gap.
 * E2 The stream is read at the start, at a gap, after a resubscription, and after 2 s of silence.
 * E3 A reader that falls behind takes nothing from the channel and reads the stream, so memory stays bounded.
 * E4 Without an incarnation a reader waits for the session to be opened. A reader whose session is gone is told, and then waits too.
 */
export class EventReader implements AsyncIterable<ReaderEvent> {
  private readonly ahead: NumberedEvent[] = [];
  private last: number;
  private incarnation: string;
  private mustRead = true;
  private wake: (() => void) | undefined;
  private closed = false;
  private isCutOff = false;
  /** The time of silence is over, and no event has come since. */
  private isSilent = false;

  /**
   * @param isPast called when the stream has nothing new after a silence: whether the awaited event came before this place all the same, so
   *   that the reader must be told of a gap. An error that it throws ends the iteration.
   */
  constructor(
    private readonly deps: EventReaderDeps,
    private readonly sessionId: string,
    after: Cursor,
    private readonly isPast: (place: number) => Promise<boolean> = () => Promise.resolve(false),
  ) {
    this.last = after.id;
    this.incarnation = after.incarnation;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<ReaderEvent> {
    const stopListening = this.deps.channels.listen(this.sessionId, {
      onEvents: (incarnation, events) => this.take(incarnation, events),
      onSubscribed: () => this.readSoon(),
      onClosed: () => {
        this.isCutOff = true;
        this.close();
      },
    });
    try {
      while (!this.closed) {
        const next = this.ahead.shift();
        if (next !== undefined) {
          this.isSilent = false;
          yield { ...next.event, id: formatCursor({ incarnation: this.incarnation, id: next.id }) };
        } else if (this.mustRead) {
          const expired = await this.read();
          if (expired !== undefined) yield expired;
        } else if (this.isSilent) {
          this.isSilent = false;
          const place = this.last;
          if (await this.isPast(place)) yield this.expire(this.incarnation, place);
        } else await this.silence();
      }
      if (this.isCutOff) throw new HearthError('closed', 'The producer was closed while the session was read.');
    } finally {
      stopListening();
    }
  }

  /** Ends the iteration. */
  close(): void {
    this.closed = true;
    this.wake?.();
  }

  private take(incarnation: string, events: readonly NumberedEvent[]): void {
    if (incarnation !== this.incarnation) return this.readSoon();
    for (const numbered of events) {
      if (numbered.id <= this.last) continue;
      if (numbered.id > this.last + 1 || this.ahead.length >= aheadAtMost) return this.readSoon();
      this.ahead.push(numbered);
      this.last = numbered.id;
    }
    this.wake?.();
  }

  private readSoon(): void {
    this.mustRead = true;
    this.wake?.();
  }

  private async read(): Promise<StreamExpired | undefined> {
    this.mustRead = false;
    const from = this.last;
    const found = await this.readStream(from);
    if (found === undefined) return undefined;
    if (found.incarnation !== this.incarnation) return this.another(found.incarnation);
    // Redis failed over without events that this reader has seen, so it gives their ids again.
    if (found.last < from) return this.expire(this.incarnation, found.last);
    // Messages from the channel may have moved the place meanwhile. Their events are skipped below.
    const first = found.events[0]?.id ?? found.last + 1;
    if (first > this.last + 1) return this.expire(this.incarnation, first - 1);
    for (const numbered of found.events) {
      if (numbered.id !== this.last + 1) continue;
      this.ahead.push(numbered);
      this.last = numbered.id;
    }
    if (found.events.length === perRead) this.mustRead = true;
    return undefined;
  }

  /** The session under this name is another one, or there is none. */
  private another(incarnation: string | undefined): StreamExpired | undefined {
    if (this.incarnation === '') {
      // A reader that waits for a session reads it from its beginning.
      if (incarnation === undefined) return undefined;
      this.incarnation = incarnation;
      this.mustRead = true;
      return undefined;
    }
    return this.expire(incarnation ?? '', 0);
  }

  private async readStream(from: number) {
    try {
      return await readEventsAfter(this.deps.redis, this.deps.keys, this.sessionId, from, perRead);
    } catch {
      // While Redis is away, the resubscription or the next silence reads again.
      if (!this.closed) await this.silence();
      this.mustRead = true;
      return undefined;
    }
  }

  private expire(incarnation: string, last: number): StreamExpired {
    this.incarnation = incarnation;
    this.last = last;
    this.mustRead = true;
    // Events taken from the channel meanwhile are older.
    this.ahead.length = 0;
    return { type: 'stream.expired', id: formatCursor({ incarnation, id: last }) };
  }

  private async silence(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      timer = setTimeout(() => {
        this.mustRead = true;
        this.isSilent = true;
        resolve();
      }, silenceMs);
    });
    clearTimeout(timer);
    this.wake = undefined;
  }
}
