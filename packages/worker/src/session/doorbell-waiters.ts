import type { TurnRecord, TurnResult } from '@hearth/shared';

/** What happened to the turn of a doorbell. `moved`: another owner serves it, or will. */
export type DoorbellOutcome = { kind: 'committed'; result: TurnResult | undefined } | { kind: 'moved' };

/** The doorbell without a turn: it asks for the session's agent only. */
export const warmSeq = 0;

/** The doorbells of one session that wait for their turns. Several can wait for one turn. */
export class DoorbellWaiters {
  private readonly waiting = new Map<number, ((outcome: DoorbellOutcome) => void)[]>();

  wait(seq: number): Promise<DoorbellOutcome> {
    return new Promise((resolve) => {
      this.waiting.set(seq, [...(this.waiting.get(seq) ?? []), resolve]);
    });
  }

  resolve(seq: number, outcome: DoorbellOutcome): void {
    for (const resolve of this.waiting.get(seq) ?? []) resolve(outcome);
    this.waiting.delete(seq);
  }

  resolveAll(outcome: DoorbellOutcome): void {
    for (const seq of this.waiting.keys()) this.resolve(seq, outcome);
  }

  /** Resolves doorbells whose turns have left the log: they were rung twice, or late, and their results are in the store. */
  async resolveCommitted(
    headSeq: number | undefined,
    turnOf: (seq: number) => Promise<TurnRecord | undefined>,
  ): Promise<void> {
    for (const seq of this.waiting.keys()) {
      // A turn that went ahead of others can have the greater seq, so only turns before the head may have left the log.
      if (seq === warmSeq || (headSeq !== undefined && seq >= headSeq)) continue;
      const turn = await turnOf(seq);
      if (turn === undefined || turn.result !== undefined)
        this.resolve(seq, { kind: 'committed', result: turn?.result });
    }
  }
}
