import { setTimeout as pause } from 'node:timers/promises';
import type { Producer, TurnHandle } from '@hearth/producer';
import { TurnFailedError } from '@hearth/producer';
import type { TurnJob } from '@hearth/shared';
import type { Recorder } from '../recorder.js';
import type { Work } from './turn-kinds.js';

/** The pause after a temporary refusal, in ms. */
const againMs = 200;

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';

/** BullMQ's queue `turns`, to add jobs that bring their own turn. */
export interface Jobs {
  post(job: TurnJob, jobId: string, delayMs: number): Promise<void>;
}

/** Submits turns, waits for their results, and does not give up while Redis is unavailable. */
export class Caller {
  constructor(
    private readonly producer: Producer,
    private readonly jobs: Jobs,
    private readonly recorder: Recorder,
    private readonly isOver: () => boolean,
  ) {}

  /** Submits until the turn is accepted or finally refused; resolves when its end is known. */
  async call(sessionId: string, turnId: string, work: Work): Promise<void> {
    const { onInterrupted, effects, hangs = false, crashes = false, dueInMs } = work;
    this.recorder.note({ kind: 'submit', sessionId, turnId, onInterrupted, effects, hangs, crashes });
    const handle = await (dueInMs === undefined
      ? this.submit(sessionId, turnId, work)
      : this.post(sessionId, turnId, work, dueInMs));
    if (handle === undefined) return;
    this.recorder.note({ kind: 'accepted', sessionId, turnId, seq: handle.seq ?? 0 });
    await this.follow(handle);
  }

  /** A turn submitted by another process; resolves after that process is done, with a promise of the turn's end. */
  async callElsewhere(
    sessionId: string,
    turnId: string,
    { prompt, onInterrupted, effects }: Work,
    submit: (turnId: string, prompt: string) => Promise<boolean>,
  ): Promise<{ followed: Promise<void> } | undefined> {
    this.recorder.note({ kind: 'submit', sessionId, turnId, onInterrupted, effects, hangs: false, crashes: false });
    if (!(await submit(turnId, prompt))) return undefined;
    this.recorder.note({ kind: 'accepted', sessionId, turnId, seq: 0 });
    return { followed: this.find(sessionId, turnId) };
  }

  /** Waits for the end of a turn that was submitted elsewhere. */
  private async find(sessionId: string, turnId: string): Promise<void> {
    while (!this.isOver()) {
      try {
        return await this.follow(await this.producer.session(sessionId).follow(turnId));
      } catch (error) {
        const code = codeOf(error);
        if (code === 'turn_gone') return this.recorder.note({ kind: 'ended', sessionId, turnId, status: 'gone', code });
        await pause(againMs);
      }
    }
  }

  private async submit(sessionId: string, turnId: string, work: Work): Promise<TurnHandle | undefined> {
    while (!this.isOver()) {
      try {
        return await this.producer
          .session(sessionId)
          .prompt(work.prompt, { turnId, onInterrupted: work.onInterrupted });
      } catch {
        // The same turnId again: accepted before or not, it is the same turn.
        await pause(againMs);
      }
    }
    return undefined;
  }

  /** Its turn exists as soon as a worker has taken the job. */
  private async post(
    sessionId: string,
    turnId: string,
    { prompt, onInterrupted }: Work,
    dueInMs: number,
  ): Promise<TurnHandle | undefined> {
    let isPosted = false;
    let postedAt = Date.now();
    const dueAt = postedAt + dueInMs;
    for (; !this.isOver(); await pause(againMs)) {
      // Redis may have forgotten it since: its sender adds it again under the same id.
      if (!isPosted || this.recorder.rolledBackAt >= postedAt) {
        postedAt = Date.now();
        isPosted = await this.jobs.post({ sessionId, turnId, prompt, onInterrupted }, turnId, dueInMs).then(
          () => true,
          () => false,
        );
        if (isPosted) this.recorder.note({ kind: 'posted', sessionId, turnId, dueAt });
      }
      const handle = await this.producer
        .session(sessionId)
        .follow(turnId)
        .catch(() => undefined);
      if (handle?.seq !== undefined) return handle;
    }
    return undefined;
  }

  private async follow(handle: TurnHandle): Promise<void> {
    const { sessionId, turnId } = handle;
    for (let of = handle; ; ) {
      try {
        const { attempt, seq } = await of.result();
        return this.recorder.note({ kind: 'ended', sessionId, turnId, seq, status: 'finished', attempt });
      } catch (error) {
        if (error instanceof TurnFailedError) {
          const { attempt, seq } = error.result;
          return this.recorder.note({
            kind: 'ended',
            sessionId,
            turnId,
            seq,
            status: 'failed',
            code: error.code,
            attempt,
          });
        }
        const code = codeOf(error);
        if (code === 'turn_gone') return this.recorder.note({ kind: 'ended', sessionId, turnId, status: 'gone', code });
        if (code === 'closed') return;
        await pause(againMs);
        of =
          (await this.producer
            .session(sessionId)
            .follow(turnId)
            .catch(() => undefined)) ?? of;
      }
    }
  }
}
