import { type Cursor, formatCursor, HearthError, type StreamExpired, type StreamedEvent } from '@hearth/shared';
import { type Keys, type NumberedEvent, readEventsAfter, type SessionStore } from '@hearth/shared/internal';
import type { Redis } from 'ioredis';
import type { Channels } from './channels.js';

/** After so much silence the stream is read: the last message can be the lost one (P11), ms. */
const silenceMs = 2_000;
/** Events taken from the channel ahead of the reader; beyond that they are read from the stream, at the reader's pace. */
const aheadAtMost = 1_000;
/** Events per read of the stream. */
const perRead = 500;

export type ReaderEvent = StreamedEvent | StreamExpired;

export interface EventReaderDeps {
  redis: Redis;
  keys: Keys;
  channels: Channels;
}

/** The end of a session's stream; of one that nobody has opened: before its beginning. */
export async function streamEnd({ store }: { store: SessionStore }, sessionId: string): Promise<Cursor> {
  const session = await store.session(sessionId);
  return { incarnation: session?.incarnation ?? '', id: session?.lastEvent ?? 0 };
}

/**
 * Reads a session's events from a cursor on: every event once, in order, or one explicit `stream.expired` (P11).
 * Owns its place in the stream and a bounded number of events ahead of it.
 *
 * E1 An event from the channel is taken when its id is the next one; an older one is ignored; a later one means a gap.
 * E2 The stream is read at the start, at a gap, after a resubscription, and after 2 s of silence.
 * E3 A reader that falls behind stops taking from the channel and is fed from the stream: memory stays bounded.
 * E4 Without an incarnation a reader waits for the session to be opened; one whose session is gone is told so, and then waits too.
 */
export class EventReader implements AsyncIterable<ReaderEvent> {
  private readonly ahead: NumberedEvent[] = [];
  private last: number;
  private incarnation: string;
  private mustRead = true;
  private wake: (() => void) | undefined;
  private closed = false;
  private isCutOff = false;
  /** The silence is over, and nothing has come since. */
  private isSilent = false;

  /**
   * @param isPast asked when the stream has nothing new after a silence: whether what is waited for came before this place all the
   *   same, so that the reader has to be told of a gap; what it throws ends the iteration
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
    // Redis failed over to one that lacks what we have seen: ids are given again, for other events.
    if (found.last < from) return this.expire(this.incarnation, found.last);
    // Messages taken from the channel meanwhile moved our place; what they brought is skipped below.
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

  /** The session is another than the one whose cursor we have, or none (any more). */
  private another(incarnation: string | undefined): StreamExpired | undefined {
    if (this.incarnation === '') {
      // A reader that waits for a session to be opened reads it from its beginning.
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
      // Redis is away: the resubscription, or the next silence, reads again.
      if (!this.closed) await this.silence();
      this.mustRead = true;
      return undefined;
    }
  }

  private expire(incarnation: string, last: number): StreamExpired {
    this.incarnation = incarnation;
    this.last = last;
    this.mustRead = true;
    // What was taken from the channel meanwhile came before.
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
