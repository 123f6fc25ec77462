import { shardOf } from '../../../src/internal.js';

/** Few, so that everybody meets everybody; two share a shard, and so its pending set and its sweeps. */
export const sessionIds: readonly [string, string, string] = ['a', neighbourOf('a'), 'b'];

function neighbourOf(id: string): string {
  for (let n = 0; ; n++) if (shardOf(`n${n}`) === shardOf(id)) return `n${n}`;
}
