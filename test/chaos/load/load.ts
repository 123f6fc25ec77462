import { setTimeout as pause } from 'node:timers/promises';
import type { Producer } from '@hearth/producer';
import type { Random } from '../../support/random.js';
import type { Recorder } from '../recorder.js';
import { Caller } from './caller.js';
import { SessionReader } from './reader.js';
import type { turnKinds, Work } from './turn-kinds.js';

export interface LoadSettings {
  sessionIds: readonly string[];
  /** Turns of one session that wait or run at once, at most. */
  depth: number;
  /** ms somebody thinks before the next prompt, at most. */
  thinkMs: number;
  kinds: typeof turnKinds;
}

/** Sessions that are talked to, and listened to, until it is stopped. */
export class Load {
  private readonly caller: Caller;
  private readonly readers: SessionReader[] = [];
  private readonly talks: Promise<void>[] = [];
  private readonly calls = new Set<Promise<void>>();
  private isStopping = false;
  private isOver = false;
  private turns = 0;

  constructor(
    private readonly settings: LoadSettings,
    producers: { caller: Producer; reader: Producer },
    recorder: Recorder,
    private readonly random: Random,
  ) {
    this.caller = new Caller(producers.caller, recorder, () => this.isOver);
    for (const sessionId of settings.sessionIds) {
      this.readers.push(new SessionReader('steady', sessionId, producers.reader, recorder, undefined));
      this.readers.push(new SessionReader('restless', sessionId, producers.reader, recorder, random.fork()));
    }
  }

  /** Turns whose end is not known yet. */
  get waiting(): number {
    return this.calls.size;
  }
  get places(): readonly { sessionId: string; place: string | undefined }[] {
    return this.readers;
  }

  start(): void {
    for (const reader of this.readers) reader.start();
    for (const sessionId of this.settings.sessionIds) this.talks.push(this.talk(sessionId, this.random.fork()));
  }

  /** Resolves with the turn's end. */
  async ask(sessionId: string, work: (turnId: string) => Work): Promise<void> {
    this.turns += 1;
    const turnId = `${sessionId}-t${this.turns}`;
    const call = this.caller.call(sessionId, turnId, work(turnId));
    this.calls.add(call);
    await call.finally(() => this.calls.delete(call));
  }

  /** No new turns; resolves when every caller knows how its turns ended, or after so many ms. */
  async settle(withinMs: number): Promise<void> {
    this.isStopping = true;
    await Promise.all(this.talks);
    const late = new AbortController();
    const ended = (async () => {
      while (this.calls.size > 0) await Promise.all(this.calls);
    })();
    await Promise.race([ended, pause(withinMs, undefined, { signal: late.signal }).catch(() => undefined)]);
    late.abort();
    this.isOver = true;
  }

  async leave(): Promise<void> {
    await Promise.all(this.readers.map((reader) => reader.stop()));
  }

  private async talk(sessionId: string, random: Random): Promise<void> {
    const inHand = new Set<Promise<void>>();
    while (!this.isStopping) {
      if (inHand.size >= this.settings.depth) await Promise.race(inHand);
      if (this.isStopping) return;
      const kind = random.weighted(this.settings.kinds);
      const asked = this.ask(sessionId, (turnId) => kind.make(turnId, random));
      inHand.add(asked);
      void asked.finally(() => inHand.delete(asked));
      await pause(random.between(0, this.settings.thinkMs));
    }
  }
}
