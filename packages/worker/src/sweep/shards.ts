import { type LeaseStore, shardCount, type WorkerRecord } from '@hearth/shared';

/** Shards asked for at once. */
const atOnce = 32;

export const allShards: readonly number[] = Array.from({ length: shardCount }, (_, shard) => shard);

/** The part of the shards that this worker looks after: those that serve share them by worker number; one that drains goes no rounds any more. */
export async function shardsOf(workerId: string, leases: LeaseStore): Promise<number[]> {
  return partOf(workerId, await leases.workers());
}

export function partOf(workerId: string, living: readonly Pick<WorkerRecord, 'workerId' | 'state'>[]): number[] {
  const serving = living.filter(({ state }) => state === 'serving').map((worker) => worker.workerId);
  const rank = Math.max(0, serving.indexOf(workerId));
  return allShards.filter((shard) => shard % Math.max(1, serving.length) === rank);
}

/** Asks about many shards, some at once, and goes through the answers. */
export async function forEachShard<T>(
  shards: readonly number[],
  ask: (shard: number) => Promise<readonly T[]>,
  each: (found: T) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < shards.length; at += atOnce) {
    const found = await Promise.all(shards.slice(at, at + atOnce).map(ask));
    for (const one of found.flat()) await each(one);
  }
}
