import {
  type LeaseStore,
  type Logger,
  type Ringer,
  type SessionStore,
  type SweptSession,
  shardCount,
} from '@hearth/shared';
import { ringAt, type Sessions } from '../session/sessions.js';

/** How often the workers are looked at, and the shards swept, ms. A dead worker is noticed within this. */
const everyMs = 500;
/** At most so many sessions of one shard in one sweep. */
const perShard = 100;
/** Shards asked for at once. */
const shardsAtOnce = 32;

export interface SweepDeps {
  workerId: string;
  seat: number;
  /** Who held our seat before, and is dead. */
  formerHolder: string | undefined;
  store: SessionStore;
  leases: LeaseStore;
  ringer: Ringer;
  sessions: Sessions;
  log: Logger;
}

/**
 * Looks after turns whose ring was lost (P1) and sessions whose owner died (P6). Owns its timer and the list of dead workers
 * it has dealt with.
 *
 * Each live worker sweeps its part of the shards for late turns; every worker sweeps all of them for the sessions of a
 * worker it finds dead. Whoever bumps an entry's time has won the right to look; a ring twice is harmless.
 */
export class Sweep {
  private readonly buried = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(private readonly deps: SweepDeps) {}

  start(): void {
    this.schedule();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.running = this.sweep()
        .catch((error: unknown) => this.deps.log.warn({ err: error }, 'a sweep failed'))
        .finally(() => this.schedule());
    }, everyMs);
  }

  private async sweep(): Promise<void> {
    const seats = await this.deps.leases.seats();
    const live = seats.filter(({ record }) => record !== undefined);
    const dead = seats.filter(({ record }) => record === undefined).map(({ workerId }) => workerId);
    if (this.deps.formerHolder !== undefined) dead.push(this.deps.formerHolder);
    const newlyDead = dead.filter((workerId) => !this.buried.has(workerId));
    const rank = Math.max(
      0,
      live.findIndex(({ workerId }) => workerId === this.deps.workerId),
    );
    const shards = Array.from({ length: shardCount }, (_, shard) => shard).filter(
      (shard) => newlyDead.length > 0 || shard % Math.max(1, live.length) === rank,
    );
    if (newlyDead.length > 0) this.deps.log.warn({ dead: newlyDead }, 'workers died; looking for their sessions');
    for (let at = 0; at < shards.length && !this.stopped; at += shardsAtOnce) {
      const swept = await Promise.all(
        shards.slice(at, at + shardsAtOnce).map((shard) => this.deps.store.sweep(shard, perShard, newlyDead)),
      );
      for (const session of swept.flat()) await this.look(session);
    }
    for (const workerId of newlyDead) this.buried.add(workerId);
    for (const workerId of this.buried) if (!dead.includes(workerId)) this.buried.delete(workerId);
  }

  /** Rings a turn again only when its last ring is lost: gone, finished, held by the dead, or where nobody reads it. */
  private async look(session: SweptSession): Promise<void> {
    const { sessionId, seq, ring, owner, seat } = session;
    if (owner === this.deps.workerId) {
      const actor = this.deps.sessions.find(sessionId);
      if (actor !== undefined) return actor.wake();
    }
    const owned = owner !== undefined && seat !== undefined && (await this.deps.leases.lives(owner));
    const belongs = owned ? seat : 'intake';
    if (ring.seat === belongs && (await this.isAlive(ring))) return;
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
