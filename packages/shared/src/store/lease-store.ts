import type { Redis } from 'ioredis';
import type { Keys } from '../keys.js';
import { type WorkerRecord, workerRecordSchema } from '../schema/worker-record.js';
import { returnCodeOf } from './return-codes.js';
import { defineScripts, runScript } from './scripts.js';
import { unexpected } from './session-store.js';

/** A workerId is remembered that long after the last renewal of its lease, so that it can never take another. */
const workerMemoryMs = 24 * 3_600_000;

/** Worker leases and worker numbers. */
export class LeaseStore {
  constructor(
    readonly redis: Redis,
    private readonly keys: Keys,
  ) {
    defineScripts(redis);
  }

  /** Takes a lease and the lowest free worker number. `dead`: this incarnation had a lease and lost it. */
  async acquire(record: WorkerRecord, ttlMs: number): Promise<{ kind: 'ok'; workerNumber: number } | { kind: 'dead' }> {
    const json = JSON.stringify({ ...record, workerNumber: 0 });
    const reply = await runScript(
      this.redis,
      'lease_acquire',
      [this.keys.workerNumbers, this.keys.knownWorkers, this.keys.leasePrefix, this.keys.deadWorkers],
      [record.workerId, ttlMs, json, workerMemoryMs],
    );
    const code = returnCodeOf(reply);
    if (code === 'DEAD') return { kind: 'dead' };
    if (code !== 'OK' && code !== 'REPEATED') throw unexpected('lease_acquire', code);
    return { kind: 'ok', workerNumber: Number(reply[1]) };
  }

  /** Renews the lease and writes the worker record; never recreates it. */
  async renew(record: WorkerRecord, ttlMs: number): Promise<'ok' | 'dead'> {
    const reply = await runScript(
      this.redis,
      'lease_renew',
      [this.keys.lease(record.workerId), this.keys.knownWorkers],
      [ttlMs, JSON.stringify(record), record.workerId],
    );
    return returnCodeOf(reply) === 'OK' ? 'ok' : 'dead';
  }

  async release(workerId: string, workerNumber: number): Promise<void> {
    await runScript(
      this.redis,
      'lease_release',
      [this.keys.workerNumbers, this.keys.lease(workerId)],
      [workerId, workerNumber],
    );
  }

  /** Whether the lease is there. Absent once is dead for ever, so `false` can be relied on. */
  async lives(workerId: string): Promise<boolean> {
    return (await this.redis.exists(this.keys.lease(workerId))) === 1;
  }

  /** Whether a worker had a lease, within the time workers are remembered, and lost it. */
  async isKnownDead(workerId: string): Promise<boolean> {
    // In this order: it takes its lease when it becomes known.
    const isKnown = (await this.redis.zscore(this.keys.knownWorkers, workerId)) !== null;
    return isKnown && !(await this.lives(workerId));
  }

  /** The dead whose worker number went to another, and whose sessions nobody has looked for yet. */
  async deadWithoutNumber(): Promise<string[]> {
    return this.redis.smembers(this.keys.deadWorkers);
  }

  /** Their sessions were looked for, all of them. */
  async forgetDead(workerIds: readonly string[]): Promise<void> {
    if (workerIds.length > 0) await this.redis.srem(this.keys.deadWorkers, ...workerIds);
  }

  /** All worker numbers with their holders; `record` is absent when the holder is dead. */
  async workerNumbers(): Promise<{ workerNumber: number; workerId: string; record: WorkerRecord | undefined }[]> {
    const holders = Object.entries(await this.redis.hgetall(this.keys.workerNumbers));
    if (holders.length === 0) return [];
    const leases = await this.redis.mget(holders.map(([, workerId]) => this.keys.lease(workerId)));
    return holders
      .map(([workerNumber, workerId], at) => {
        const lease = leases[at];
        return {
          workerNumber: Number(workerNumber),
          workerId,
          record: lease ? workerRecordSchema.parse(JSON.parse(lease)) : undefined,
        };
      })
      .sort((a, b) => a.workerNumber - b.workerNumber);
  }

  /** Live workers, by worker number. */
  async workers(): Promise<WorkerRecord[]> {
    return (await this.workerNumbers()).flatMap(({ record }) => record ?? []);
  }
}
