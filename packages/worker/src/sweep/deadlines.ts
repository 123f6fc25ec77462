import { expiredError, type LeaseStore, type Logger, type Ringer, type SessionEndings } from '@hearth/shared';
import { Rounds } from './rounds.js';
import { forEachShard, shardsOf } from './shards.js';

const everyMs = 500;
/** At most so many turns of one shard in one round. */
const perShard = 100;

/** Ends turns whose time in the queue is over (P10): while nobody has begun them they need no owner for that. */
export class Deadlines {
  private readonly rounds: Rounds;

  constructor(
    private readonly deps: {
      workerId: string;
      endings: SessionEndings;
      leases: LeaseStore;
      ringer: Ringer;
      log: Logger;
    },
  ) {
    this.rounds = new Rounds({ everyMs, name: 'a look for turns that expired', log: deps.log }, () => this.round());
  }

  start(): void {
    this.rounds.start();
  }
  stop(): Promise<void> {
    return this.rounds.stop();
  }

  private async round(): Promise<void> {
    const { workerId, leases, endings, ringer, log } = this.deps;
    await forEachShard(
      await shardsOf(workerId, leases),
      (shard) => endings.overdue(shard, perShard),
      async ({ sessionId, seq }) => {
        const outcome = await endings.withdraw(sessionId, seq, expiredError(`${seq} of session ${sessionId}`));
        if (outcome.kind !== 'withdrawn') return;
        log.info({ sessionId, seq, turnId: outcome.result.turnId }, 'turn expired in the queue');
        for (const ring of outcome.rings) await ringer.remove(ring);
      },
    );
  }
}
