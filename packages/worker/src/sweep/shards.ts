import { type LeaseStore, shardCount } from '@hearth/shared';

/** Shards asked for at once. */
const atOnce = 32;

export const allShards: readonly number[] = Array.from({ length: shardCount }, (_, shard) => shard);

/** The part of the shards that this worker looks after: the living share them by seat. */
export async function shardsOf(workerId: string, leases: LeaseStore): Promise<number[]> {
  return partOf(workerId, await leases.workers());
}

export function partOf(workerId: string, living: readonly { workerId: string }[]): number[] {
  const rank = Math.max(
    0,
    living.findIndex((worker) => worker.workerId === workerId),
  );
  return allShards.filter((shard) => shard % Math.max(1, living.length) === rank);
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
