import { setTimeout as pause } from 'node:timers/promises';
import type { Keys } from '@hearth/shared';
import { Redis } from 'ioredis';
import type { Recorder } from '../recorder.js';

/** How often locks and leases are looked at, ms. */
const everyMs = 20;

interface Lock {
  owner: string;
  epoch: number;
  incarnation: string;
}

/** Looks at who owns what, and which leases live, and writes down what changes. */
export class Watcher {
  private readonly locks = new Map<string, Lock>();
  private readonly leases = new Map<string, number>();
  private readonly redis: Redis;
  private running = true;
  private loop: Promise<void> | undefined;

  constructor(
    redisUrl: string,
    private readonly keys: Keys,
    private readonly sessionIds: readonly string[],
    private readonly recorder: Recorder,
  ) {
    this.redis = new Redis(redisUrl, {
      maxRetriesPerRequest: null,
      commandTimeout: 1_000,
      retryStrategy: () => everyMs,
    });
    this.redis.on('error', () => undefined);
  }

  start(): void {
    this.loop = this.watch();
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.loop;
    this.redis.disconnect();
  }

  private async watch(): Promise<void> {
    while (this.running) {
      await this.look().catch(() => undefined);
      await pause(everyMs);
    }
  }

  private async look(): Promise<void> {
    const known = await this.redis.zrange(this.keys.knownWorkers, '0', '-1');
    const pipeline = this.redis.pipeline();
    for (const sessionId of this.sessionIds)
      pipeline.hmget(this.keys.session(sessionId)[0], 'owner', 'epoch', 'incarnation', 'events');
    for (const workerId of known) pipeline.pttl(this.keys.lease(workerId));
    const replies = ((await pipeline.exec()) ?? []).map(([, reply]) => reply);
    for (const [at, sessionId] of this.sessionIds.entries()) this.lockSeen(sessionId, replies[at] as (string | null)[]);
    for (const [at, workerId] of known.entries())
      this.leaseSeen(workerId, Number(replies[this.sessionIds.length + at]));
  }

  private lockSeen(sessionId: string, [owner, epoch, incarnation, events]: (string | null)[]): void {
    const lock: Lock = { owner: owner ?? '', epoch: Number(epoch ?? 0), incarnation: incarnation ?? '' };
    const before = this.locks.get(sessionId);
    if (before?.owner === lock.owner && before.epoch === lock.epoch && before.incarnation === lock.incarnation) return;
    this.locks.set(sessionId, lock);
    if (lock.incarnation === '') return;
    const { epoch: count, owner: workerId } = lock;
    this.recorder.note({
      kind: 'owner',
      sessionId,
      incarnation: lock.incarnation,
      workerId,
      epoch: count,
      events: Number(events),
    });
  }

  private leaseSeen(workerId: string, leftMs: number): void {
    const before = this.leases.get(workerId);
    const until = leftMs > 0 ? Date.now() + leftMs : 0;
    // Renewed, or over: two readings of one lease differ by a little.
    if (before !== undefined && (until === 0 ? before === 0 : until < before + everyMs)) return;
    this.leases.set(workerId, until);
    this.recorder.note({ kind: 'lease', workerId, ...(until > 0 ? { until } : {}) });
  }
}
