import type { Claim } from '@hearth/shared/internal';

/**
 * Why a worker stops owning a session: another worker claimed it (`fenced`), a write to Redis failed (`write_failed`, so the lock may
 * still name this worker), or this worker lost its lease (`lease_lost`).
 */
export type LostReason = 'fenced' | 'write_failed' | 'lease_lost';

/** What an agent is told whose session was lost. */
export const movedAway = 'Hearth: this session has moved to another worker.';

/**
 * One claim of a session by this worker: its fence, whether it still holds, and how many writes were refused since it was lost.
 * Everything that must stop when the session is lost listens to {@link lost}.
 */
export class Ownership {
  private readonly controller = new AbortController();
  private refused = 0;

  constructor(readonly claim: Claim) {}

  /** Aborts when the session is lost. */
  get lost(): AbortSignal {
    return this.controller.signal;
  }
  get isLost(): boolean {
    return this.lost.aborted;
  }
  /** Why the session was lost. Undefined while it is owned. */
  get lostReason(): LostReason | undefined {
    return this.isLost ? (this.lost.reason as LostReason) : undefined;
  }
  /** Writes that were refused, or not even tried, because the session was lost. */
  get refusedWrites(): number {
    return this.refused;
  }

  /** Marks the session as lost. The first reason counts. */
  lose(reason: LostReason): void {
    this.controller.abort(reason);
  }

  /** Counts a refused write. */
  countRefused(): void {
    this.refused += 1;
  }
}
