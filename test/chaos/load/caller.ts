import { setTimeout as pause } from 'node:timers/promises';
import type { Producer, TurnHandle } from '@hearth/producer';
import { TurnFailedError } from '@hearth/producer';
import type { Recorder } from '../recorder.js';
import type { Work } from './turn-kinds.js';

/** How long somebody who was refused for a while waits, ms. */
const againMs = 200;

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';

/** Somebody who submits turns and waits for their results, and does not give up because Redis is away. */
export class Caller {
  constructor(
    private readonly producer: Producer,
    private readonly recorder: Recorder,
    private readonly isOver: () => boolean,
  ) {}

  /** Submits until the turn is accepted, or will never be; resolves when its end is known. */
  async call(sessionId: string, turnId: string, work: Work): Promise<void> {
    const { onInterrupted, effects } = work;
    this.recorder.note({ kind: 'submit', sessionId, turnId, onInterrupted, effects });
    const handle = await this.submit(sessionId, turnId, work);
    if (handle === undefined) return;
    this.recorder.note({ kind: 'accepted', sessionId, turnId, seq: handle.seq ?? 0 });
    await this.follow(handle);
  }

  private async submit(sessionId: string, turnId: string, work: Work): Promise<TurnHandle | undefined> {
    while (!this.isOver()) {
      try {
        return await this.producer
          .session(sessionId)
          .prompt(work.prompt, { turnId, onInterrupted: work.onInterrupted });
      } catch {
        // The same turnId again: accepted or not, it is the same turn.
        await pause(againMs);
      }
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
