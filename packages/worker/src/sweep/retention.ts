import { HearthError } from '@hearth/shared';
import {
  type ClosingDeps,
  closeSession,
  type LeaseStore,
  type Logger,
  type SessionLifecycle,
} from '@hearth/shared/internal';
import type { Round } from '../rounds.js';
import { forEachShard, shardsOf } from './shards.js';

/** At most so many sessions of one shard in one run. */
const perShard = 20;
/** How long a run waits for the owner of one session, ms. The next run continues. */
const deadlineMs = 2_000;

export interface RetentionDeps extends ClosingDeps {
  workerId: string;
  lifecycle: SessionLifecycle;
  leases: LeaseStore;
  /** A session is closed so long after its last use, ms. */
  retentionMs: number;
  log: Logger;
}

/** Closes sessions that were not used for long, and finishes the closing of sessions whose closer died. */
export class Retention implements Round {
  readonly name = 'retention';
  readonly everyMs: number;

  constructor(private readonly deps: RetentionDeps) {
    this.everyMs = Math.min(60_000, Math.max(500, deps.retentionMs / 10));
  }

  async run(stopping: AbortSignal): Promise<void> {
    const { workerId, leases, lifecycle, retentionMs, log } = this.deps;
    // By Redis' clock, because the worker's own clock may have jumped.
    const usedBefore = (await lifecycle.store.nowMs()) - retentionMs;
    await forEachShard(
      await shardsOf(workerId, leases),
      (shard) => lifecycle.unused(shard, usedBefore, perShard),
      async (sessionId) => {
        if (stopping.aborted) return;
        try {
          const isClosed = await closeSession(this.deps, sessionId, { usedBefore, deadlineMs });
          if (isClosed)
            log.info({ event: 'session.retired', sessionId }, 'closed an unused session, or finished a close');
        } catch (error) {
          if (!(error instanceof HearthError && error.code === 'owner_unreachable')) throw error;
        }
      },
    );
  }
}
