import type { LeaseStore, Logger, Ringer, SessionStore, SweptSession } from '@hearth/shared';
import { ringAt, type Sessions } from '../session/sessions.js';
import { Rounds } from './rounds.js';
import { allShards, forEachShard, partOf } from './shards.js';

/** How often the workers are looked at, and the shards swept, ms. A dead worker is noticed within this. */
const everyMs = 500;
/** At most so many sessions of one shard in one sweep. */
const perShard = 100;

export interface SweepDeps {
  workerId: string;
  workerNumber: number;
  store: SessionStore;
  leases: LeaseStore;
  ringer: Ringer;
  sessions: Sessions;
  log: Logger;
}

/**
 * Looks after turns whose ring was lost (P1) and sessions whose owner died (P6). Owns the list of dead workers it has
 * dealt with.
 *
 * Each worker that serves sweeps its part of the shards for late turns; every worker sweeps all of them for the sessions of a
 * worker it finds dead. Whoever bumps an entry's time has won the right to look at what is late; sessions of the dead are told to all,
 * until each has dealt with them (the first of all, where the dead have no worker number any more): what was told may be lost with whoever asked.
 * A ring twice is harmless.
 */
export class Sweep {
  private readonly buried = new Set<string>();
  private readonly rounds: Rounds;

  constructor(private readonly deps: SweepDeps) {
    this.rounds = new Rounds({ everyMs, name: 'a sweep', log: deps.log }, () => this.sweep());
  }

  start(): void {
    this.rounds.start();
  }
  stop(): Promise<void> {
    return this.rounds.stop();
  }

  private async sweep(): Promise<void> {
    const workerNumbers = await this.deps.leases.workerNumbers();
    const live = workerNumbers.flatMap(({ record }) => record ?? []);
    // After the worker numbers: who is gone from those stands here, until somebody has looked for its sessions.
    const withoutNumber = await this.deps.leases.deadWithoutNumber();
    const dead = workerNumbers.filter(({ record }) => record === undefined).map(({ workerId }) => workerId);
    dead.push(...withoutNumber);
    const newlyDead = dead.filter((workerId) => !this.buried.has(workerId));
    if (newlyDead.length > 0) this.deps.log.warn({ dead: newlyDead }, 'workers died; looking for their sessions');
    await forEachShard(
      newlyDead.length > 0 ? allShards : partOf(this.deps.workerId, live),
      async (shard) => (this.rounds.isStopped ? [] : this.deps.store.sweep(shard, perShard, newlyDead)),
      (session) => this.look(session),
    );
    // Stopped half-way, it has not looked for all of them.
    if (this.rounds.isStopped) return;
    for (const workerId of newlyDead) this.buried.add(workerId);
    await this.deps.leases.forgetDead(withoutNumber);
    for (const workerId of this.buried) if (!dead.includes(workerId)) this.buried.delete(workerId);
  }

  /** Rings a turn again only when its last ring is lost: gone, finished, held by the dead, or where nobody reads it. */
  private async look(session: SweptSession): Promise<void> {
    const { sessionId, seq, ring, owner, workerNumber } = session;
    if (owner === this.deps.workerId) {
      const actor = this.deps.sessions.find(sessionId);
      if (actor !== undefined) return actor.wake();
    }
    const owned = owner !== undefined && workerNumber !== undefined && (await this.deps.leases.lives(owner));
    const belongs = owned ? workerNumber : 'intake';
    if (ring.queue === belongs && (await this.isAlive(ring))) return;
    await ringAt(this.deps, { sessionId, seq }, ring, belongs);
  }

  private async isAlive(ring: SweptSession['ring']): Promise<boolean> {
    const job = await this.deps.ringer.job(ring);
    if (job === undefined) return false;
    const state = await job.getState();
    if (state === 'completed' || state === 'failed' || state === 'unknown') return false;
    if (state !== 'active') return true;
    return job.processedBy !== undefined && this.deps.leases.lives(job.processedBy);
  }
}
