import { setTimeout as pause } from 'node:timers/promises';
import type { Producer } from '@hearth/producer';
import { Random } from '../../support/random.js';
import type { Recorder } from '../recorder.js';
import { within } from '../within.js';
import { Caller, type Jobs } from './caller.js';
import { SessionReader } from './reader.js';
import type { TurnKind, Work } from './turn-kinds.js';

export interface LoadSettings {
  sessionIds: readonly string[];
  /** Sessions that may be closed at any time. They get no jobs, since a job would reopen them. */
  disposable: readonly string[];
  /** The maximum number of waiting and running turns per session. */
  depth: number;
  /** The maximum pause before the next prompt, in ms. */
  thinkMs: number;
  kinds: readonly TurnKind[];
}

/** Sessions with prompts and readers, until it is stopped. */
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
    producers: { caller: Producer; reader: Producer; jobs: Jobs },
    recorder: Recorder,
    private readonly random = new Random(1),
  ) {
    this.caller = new Caller(producers.caller, producers.jobs, recorder, () => this.isOver);
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

  read(): void {
    for (const reader of this.readers) reader.start();
  }

  start(): void {
    this.read();
    for (const sessionId of this.settings.sessionIds) this.talks.push(this.talk(sessionId, this.random.fork()));
  }

  /** Resolves with the turn's end. */
  async ask(sessionId: string, work: (turnId: string) => Work): Promise<void> {
    this.turns += 1;
    const turnId = `${sessionId}-t${this.turns}`;
    const { dueInMs, ...prompt } = work(turnId);
    const asJob = dueInMs === undefined || this.settings.disposable.includes(sessionId) ? {} : { dueInMs };
    const call = this.caller.call(sessionId, turnId, { ...prompt, ...asJob });
    this.calls.add(call);
    await call.finally(() => this.calls.delete(call));
  }

  /** A process of its own submits a turn without tools, and does not wait for it. False: the turn may not have been accepted. */
  async askElsewhere(
    sessionId: string,
    submit: (turnId: string, prompt: string) => Promise<boolean>,
  ): Promise<boolean> {
    this.turns += 1;
    const turnId = `${sessionId}-t${this.turns}`;
    const work = { prompt: 'hello', onInterrupted: 'fail', effects: [] } as const;
    const { followed } = (await this.caller.callElsewhere(sessionId, turnId, work, submit)) ?? {};
    if (followed === undefined) return false;
    this.calls.add(followed);
    void followed.finally(() => this.calls.delete(followed));
    return true;
  }

  /** Ends the load; resolves when every caller knows how its turns ended, or after this many ms. */
  async settle(withinMs: number): Promise<void> {
    this.isStopping = true;
    // Callers wait for the end of their turns, too: a turn that never ends is for the checker to report, and must not block the run.
    const ended = (async () => {
      await Promise.all(this.talks);
      while (this.calls.size > 0) await Promise.all(this.calls);
    })();
    await within(withinMs, ended);
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
