import type { Redis } from 'ioredis';
import type { Keys } from '../keys.js';
import { type WorkerRecord, workerRecordSchema } from '../schema/worker-record.js';
import { defineScripts, runScript } from './scripts.js';

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

  /** Acquires a lease and the lowest free worker number. `dead`: this incarnation had a lease and lost it. */
  async acquire(record: WorkerRecord, ttlMs: number): Promise<{ kind: 'ok'; workerNumber: number } | { kind: 'dead' }> {
    const { workerId } = record;
    const args = { workerId, ttlMs, record: withoutNumber(record), workerMemoryMs };
    const reply = await runScript(this.redis, 'lease_acquire', this.keys, args);
    return reply.code === 'DEAD' ? { kind: 'dead' } : { kind: 'ok', workerNumber: reply.workerNumber };
  }

  /** Renews the lease and writes the worker record; never recreates the lease. */
  async renew(record: WorkerRecord, ttlMs: number): Promise<'ok' | 'dead'> {
    const { workerId } = record;
    const args = { workerId, ttlMs, record: withoutNumber(record) };
    const reply = await runScript(this.redis, 'lease_renew', this.keys, args);
    return reply.code === 'OK' ? 'ok' : 'dead';
  }

  async release(workerId: string, workerNumber: number): Promise<void> {
    await runScript(this.redis, 'lease_release', this.keys, { workerId, workerNumber });
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
  async removeDead(workerIds: readonly string[]): Promise<void> {
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

/** A record as its lease holds it: the script gives the worker its number, so the number is only in `workerNumbers`. */
function withoutNumber({ workerNumber: _number, ...record }: WorkerRecord): string {
  return JSON.stringify(record);
}
