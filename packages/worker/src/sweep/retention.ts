import {
  type ClosingDeps,
  closeSession,
  HearthError,
  type LeaseStore,
  type Logger,
  type SessionEndings,
} from '@hearth/shared';
import { Rounds } from './rounds.js';
import { forEachShard, shardsOf } from './shards.js';

/** At most so many sessions of one shard in one round. */
const perShard = 20;
/** ms a round waits for the owner of one session; the next round goes on. */
const deadlineMs = 2_000;

export interface RetentionDeps extends ClosingDeps {
  workerId: string;
  endings: SessionEndings;
  leases: LeaseStore;
  /** ms after its last use until a session is closed. */
  retentionMs: number;
  log: Logger;
}

/** Closes sessions that nobody has used for long, and finishes the closing of those whose closer is gone. */
export class Retention {
  private readonly rounds: Rounds;

  constructor(private readonly deps: RetentionDeps) {
    const everyMs = Math.min(60_000, Math.max(500, deps.retentionMs / 10));
    this.rounds = new Rounds({ everyMs, name: 'a look for sessions to close', log: deps.log }, () => this.round());
  }

  start(): void {
    this.rounds.start();
  }
  stop(): Promise<void> {
    return this.rounds.stop();
  }

  private async round(): Promise<void> {
    const { workerId, leases, endings, retentionMs, log } = this.deps;
    // Our own clock may have jumped.
    const usedBefore = (await endings.nowMs()) - retentionMs;
    await forEachShard(
      await shardsOf(workerId, leases),
      (shard) => endings.unused(shard, usedBefore, perShard),
      async (sessionId) => {
        if (this.rounds.isStopped) return;
        try {
          const closed = await closeSession(this.deps, sessionId, { usedBefore, deadlineMs });
          if (closed) log.info({ sessionId }, 'session closed: nobody used it any more, or it was being closed');
        } catch (error) {
          if (!(error instanceof HearthError && error.code === 'owner_unreachable')) throw error;
        }
      },
    );
  }
}
