import { setTimeout as pause } from 'node:timers/promises';
import type { Producer, ReaderEvent } from '@hearth/producer';
import type { Random } from '../../support/random.js';
import type { SeenEvent } from '../checker/records.js';
import type { Recorder } from '../recorder.js';

/** Reads a session's events from the first one on, and records them. A restless reader disconnects and reconnects. */
export class SessionReader {
  private readonly leaving = new AbortController();
  private after: string | undefined;
  private visit = new AbortController();
  private loop: Promise<void> | undefined;

  constructor(
    private readonly name: string,
    readonly sessionId: string,
    private readonly producer: Producer,
    private readonly recorder: Recorder,
    private readonly restless: Random | undefined,
  ) {}

  /** The id of the last event it received. */
  get place(): string | undefined {
    return this.after;
  }

  start(): void {
    this.loop = this.read();
  }

  async stop(): Promise<void> {
    this.leaving.abort();
    this.visit.abort();
    await this.loop;
    this.recorder.note({ kind: 'reader_end', reader: this.name, sessionId: this.sessionId });
  }

  private async read(): Promise<void> {
    while (!this.leaving.signal.aborted) {
      this.visit = new AbortController();
      const stay =
        this.restless === undefined
          ? undefined
          : setTimeout(() => this.visit.abort(), this.restless.between(200, 3_000));
      await this.readUntilLeft().catch(() => pause(100));
      clearTimeout(stay);
      if (this.restless !== undefined && !this.leaving.signal.aborted) await pause(this.restless.between(10, 1_500));
    }
  }

  private async readUntilLeft(): Promise<void> {
    const options = { signal: this.visit.signal, ...(this.after === undefined ? {} : { after: this.after }) };
    for await (const event of this.producer.session(this.sessionId).events(options)) {
      // Events that arrive while it disconnects are read again after the reconnect.
      if (this.visit.signal.aborted && this.restless !== undefined) return;
      this.after = event.id;
      this.recorder.note(this.seen(event));
    }
  }

  private seen(event: ReaderEvent): SeenEvent {
    return {
      kind: 'event',
      at: Date.now(),
      reader: this.name,
      sessionId: this.sessionId,
      id: event.id,
      type: event.type,
      ...detailsOf(event),
    };
  }
}

function detailsOf(event: ReaderEvent): Partial<SeenEvent> {
  switch (event.type) {
    case 'turn.started': {
      const { seq, turnId, attempt, workerId, pid, warmth } = event;
      return {
        seq,
        turnId,
        attempt,
        workerId,
        ...(pid === undefined ? {} : { pid }),
        ...(warmth === undefined ? {} : { warmth }),
      };
    }
    case 'turn.finished':
    case 'turn.failed': {
      const { seq, turnId, result } = event;
      return { seq, turnId, workerId: result.workerId, attempt: result.attempt };
    }
    case 'message': {
      const says = /HEARTH_MARK_WORKER=(w-[0-9a-f-]{36})/.exec(JSON.stringify(event.content))?.[1];
      return { seq: event.seq, ...(says === undefined ? {} : { says }) };
    }
    default: {
      const turnId = 'turnId' in event ? { turnId: event.turnId } : {};
      return 'seq' in event ? { seq: event.seq, ...turnId } : {};
    }
  }
}
