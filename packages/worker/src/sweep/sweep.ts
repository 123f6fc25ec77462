import type { LeaseStore, Logger, Ring, Ringer, SessionStore, SweptSession } from '@hearth/shared/internal';
import type { Round } from '../rounds.js';
import type { HandOver } from '../session/hand-over.js';
import type { SessionRegistry } from '../session/session-registry.js';
import { allShards, forEachShard, partOf } from './shards.js';

/** At most so many sessions of one shard in one sweep. */
const perShard = 100;

export interface SweepDeps {
  workerId: string;
  store: SessionStore;
  leases: LeaseStore;
  ringer: Ringer;
  registry: SessionRegistry;
  handOver: HandOver;
  log: Logger;
}

/**
 * Finds turns whose ring was lost (P1) and sessions whose owner died (P6), and rings them again. Owns the list of dead workers whose
 * sessions it has looked for.
 *
 * Each serving worker sweeps its part of the shards for late turns. Every worker sweeps all shards for the sessions of a newly dead
 * worker. The script gives a late turn to one caller only, by moving its time. It gives sessions of the dead to every caller, because a
 * caller may die before it has rung them. A dead worker whose number another worker took is remembered until one worker has looked for
 * its sessions. Ringing twice is harmless.
 */
export class Sweep implements Round {
  readonly name = 'sweep';
  /** A dead worker is noticed within this. */
  readonly everyMs = 500;
  private readonly handled = new Set<string>();

  constructor(private readonly deps: SweepDeps) {}

  async run(stopping: AbortSignal): Promise<void> {
    const { leases, store, workerId, log } = this.deps;
    const workers = await leases.workerNumbers();
    const live = workers.flatMap(({ record }) => record ?? []);
    // Read after the numbers: a worker missing there is in this set until one worker has looked for its sessions.
    const withoutNumber = await leases.deadWithoutNumber();
    const dead = workers.filter(({ record }) => record === undefined).map((worker) => worker.workerId);
    dead.push(...withoutNumber);
    const newlyDead = dead.filter((id) => !this.handled.has(id));
    if (newlyDead.length > 0)
      log.warn({ event: 'sweep.workers_died', dead: newlyDead }, 'workers died; looking for their sessions');
    await forEachShard(
      newlyDead.length > 0 ? allShards : partOf(workerId, live),
      async (shard) => (stopping.aborted ? [] : store.sweep(shard, perShard, newlyDead)),
      (session) => this.check(session),
    );
    // A sweep that was stopped early has not looked for all of their sessions.
    if (stopping.aborted) return;
    for (const id of newlyDead) this.handled.add(id);
    await leases.removeDead(withoutNumber);
    for (const id of this.handled) if (!dead.includes(id)) this.handled.delete(id);
  }

  /** Rings a turn again if its last ring is lost: gone, finished, active at a dead worker, or in a queue that no worker reads. */
  private async check(session: SweptSession): Promise<void> {
    const { workerId, registry, leases, handOver } = this.deps;
    const { sessionId, seq, ring, owner, workerNumber } = session;
    if (owner === workerId) {
      const owned = registry.find(sessionId);
      if (owned !== undefined) return owned.wake();
    }
    const ownerLives = owner !== undefined && workerNumber !== undefined && (await leases.lives(owner));
    const queue = ownerLives ? workerNumber : 'intake';
    if (ring.queue === queue && (await this.isAlive(ring))) return;
    await handOver.ringAgain(sessionId, seq, ring, queue);
  }

  private async isAlive(ring: Ring): Promise<boolean> {
    const job = await this.deps.ringer.job(ring);
    if (job === undefined) return false;
    const state = await job.getState();
    if (state === 'completed' || state === 'failed' || state === 'unknown') return false;
    if (state !== 'active') return true;
    return job.processedBy !== undefined && this.deps.leases.lives(job.processedBy);
  }
}
