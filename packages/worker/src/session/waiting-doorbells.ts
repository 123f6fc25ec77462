import type { TurnRecord, TurnResult } from '@hearth/shared';

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

  /** Doorbells of turns that are not in the log any more were rung twice, or late: their results are in the store. */
  async settleBefore(
    headSeq: number | undefined,
    turnOf: (seq: number) => Promise<TurnRecord | undefined>,
  ): Promise<void> {
    for (const seq of this.waiting.keys()) {
      // 0 is no turn's; and a turn that went ahead of others can have the greater seq.
      if (seq === 0 || (headSeq !== undefined && seq >= headSeq)) continue;
      const turn = await turnOf(seq);
      if (turn === undefined || turn.result !== undefined)
        this.settle(seq, { kind: 'committed', result: turn?.result });
    }
  }
}
