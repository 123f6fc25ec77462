import type { WorkerRecord } from '@hearth/shared';
import { type LeaseStore, shardCount } from '@hearth/shared/internal';

/** Shards asked for at once. */
const atOnce = 32;

export const allShards: readonly number[] = Array.from({ length: shardCount }, (_, shard) => shard);

/** The part of the shards that this worker looks after. Workers share the shards by worker number; draining ones have none. */
export async function shardsOf(workerId: string, leases: LeaseStore): Promise<number[]> {
  return partOf(workerId, await leases.workers());
}

export function partOf(workerId: string, live: readonly Pick<WorkerRecord, 'workerId' | 'state'>[]): number[] {
  const sweeping = live.filter(({ state }) => state !== 'draining').map((worker) => worker.workerId);
  const rank = Math.max(0, sweeping.indexOf(workerId));
  return allShards.filter((shard) => shard % Math.max(1, sweeping.length) === rank);
}

/** Asks about many shards, some at once, and handles the answers one by one. */
export async function forEachShard<T>(
  shards: readonly number[],
  ask: (shard: number) => Promise<readonly T[]>,
  handle: (found: T) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < shards.length; at += atOnce) {
    const found = await Promise.all(shards.slice(at, at + atOnce).map(ask));
    for (const one of found.flat()) await handle(one);
  }
}
