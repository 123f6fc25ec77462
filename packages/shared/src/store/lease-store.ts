import type { Redis } from 'ioredis';
import type { Keys } from '../keys.js';
import { type WorkerRecord, workerRecordSchema } from '../schema/worker-record.js';
import { defineScripts, runScript } from './scripts.js';

/** How long a workerId is known after its last renewal. While it is known it cannot acquire a second lease. */
const workerMemoryMs = 24 * 3_600_000;

/** Worker leases and worker numbers. */
export class LeaseStore {
  constructor(
    readonly redis: Redis,
    private readonly keys: Keys,
  ) {
    defineScripts(redis);
  }

  /** Acquires a lease and the lowest free worker number. `dead`: this incarnation had a lease and lost it. */
  async acquire(record: WorkerRecord, ttlMs: number): Promise<{ kind: 'ok'; workerNumber: number } | { kind: 'dead' }> {
    const { workerId } = record;
    const args = { workerId, ttlMs, record: withoutNumber(record), workerMemoryMs };
    const reply = await runScript(this.redis, 'lease_acquire', this.keys, args);
    return reply.code === 'DEAD' ? { kind: 'dead' } : { kind: 'ok', workerNumber: reply.workerNumber };
  }

  /** Renews the lease and writes the worker record. Never recreates the lease. */
  async renew(record: WorkerRecord, ttlMs: number): Promise<'ok' | 'dead'> {
    const { workerId } = record;
    const args = { workerId, ttlMs, record: withoutNumber(record) };
    const reply = await runScript(this.redis, 'lease_renew', this.keys, args);
    return reply.code === 'OK' ? 'ok' : 'dead';
  }

  async release(workerId: string, workerNumber: number): Promise<void> {
    await runScript(this.redis, 'lease_release', this.keys, { workerId, workerNumber });
  }

  /** Whether a worker's lease exists. `false` is final, because a lease that was absent once is never recreated. */
  async lives(workerId: string): Promise<boolean> {
    return (await this.redis.exists(this.keys.lease(workerId))) === 1;
  }

  /** Whether a known worker has lost its lease. */
  async isKnownDead(workerId: string): Promise<boolean> {
    // A worker becomes known together with its lease, so the lease is read second.
    const isKnown = (await this.redis.zscore(this.keys.knownWorkers, workerId)) !== null;
    return isKnown && !(await this.lives(workerId));
  }

  /** Dead workers whose worker number was given away, and whose sessions no sweep has looked for yet. */
  async deadWithoutNumber(): Promise<string[]> {
    return this.redis.smembers(this.keys.deadWorkers);
  }

  /** Removes dead workers for whose sessions a sweep has looked. */
  async removeDead(workerIds: readonly string[]): Promise<void> {
    if (workerIds.length > 0) await this.redis.srem(this.keys.deadWorkers, ...workerIds);
  }

  /** All worker numbers with their holders. The record of a dead holder is undefined. */
  async workerNumbers(): Promise<{ workerNumber: number; workerId: string; record: WorkerRecord | undefined }[]> {
    const holders = Object.entries(await this.redis.hgetall(this.keys.workerNumbers));
    if (holders.length === 0) return [];
    const leases = await this.redis.mget(holders.map(([, workerId]) => this.keys.lease(workerId)));
    return holders
      .map(([workerNumber, workerId], at) => {
        const lease = leases[at];
        const number = Number(workerNumber);
        const record = lease
          ? workerRecordSchema.parse({ ...(JSON.parse(lease) as object), workerNumber: number })
          : undefined;
        return { workerNumber: number, workerId, record };
      })
      .sort((a, b) => a.workerNumber - b.workerNumber);
  }

  /** Live workers, by worker number. */
  async workers(): Promise<WorkerRecord[]> {
    return (await this.workerNumbers()).flatMap(({ record }) => record ?? []);
  }
}

/** The record in the lease. The script assigns the worker number, so the record lacks it. */
function withoutNumber({ workerNumber: _number, ...record }: WorkerRecord): string {
  return JSON.stringify(record);
}
