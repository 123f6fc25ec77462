import {
  expiredError,
  type LeaseStore,
  type Logger,
  type Ringer,
  type SessionLifecycle,
} from '@hearth/shared/internal';
import type { Round } from '../rounds.js';
import { forEachShard, shardsOf } from './shards.js';

/** At most so many turns of one shard in one run. */
const perShard = 100;

export interface ExpiryDeps {
  workerId: string;
  lifecycle: SessionLifecycle;
  leases: LeaseStore;
  ringer: Ringer;
  log: Logger;
}

/** Fails turns whose `expiresIn` passed before a worker began them (P10). That needs no owner. */
export class Expiry implements Round {
  readonly name = 'expiry';
  readonly everyMs = 500;

  constructor(private readonly deps: ExpiryDeps) {}

  async run(): Promise<void> {
    const { workerId, leases, lifecycle, ringer, log } = this.deps;
    await forEachShard(
      await shardsOf(workerId, leases),
      (shard) => lifecycle.overdue(shard, perShard),
      async ({ sessionId, seq }) => {
        const outcome = await lifecycle.withdraw(sessionId, seq, expiredError(`${seq} of session ${sessionId}`));
        if (outcome.kind !== 'withdrawn') return;
        const { turnId } = outcome.result;
        log.info({ event: 'turn.expired', sessionId, seq, turnId }, 'turn expired in the queue');
        for (const ring of outcome.rings) await ringer.remove(ring);
      },
    );
  }
}
