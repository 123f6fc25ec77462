import type { TurnResult } from '@hearth/shared';

/** What became of a doorbell's turn. `moved`: it is served by another owner, or will be. */
export type Settled = { kind: 'committed'; result: TurnResult | undefined } | { kind: 'moved' };

/** The doorbells of one session that wait for their turns, several for one turn perhaps. */
export class WaitingDoorbells {
  private readonly waiting = new Map<number, ((settled: Settled) => void)[]>();

  wait(seq: number): Promise<Settled> {
    return new Promise((resolve) => {
      this.waiting.set(seq, [...(this.waiting.get(seq) ?? []), resolve]);
    });
  }

  settle(seq: number, settled: Settled): void {
    for (const resolve of this.waiting.get(seq) ?? []) resolve(settled);
    this.waiting.delete(seq);
  }

  settleAll(settled: Settled): void {
    for (const seq of this.waiting.keys()) this.settle(seq, settled);
  }

  /** Doorbells of turns before the head of the log were rung twice: their results are in the store. */
  async settleBefore(
    headSeq: number | undefined,
    resultOf: (seq: number) => Promise<TurnResult | undefined>,
  ): Promise<void> {
    for (const seq of this.waiting.keys()) {
      if (headSeq !== undefined && seq >= headSeq) continue;
      this.settle(seq, { kind: 'committed', result: await resultOf(seq) });
    }
  }
}
