import { shardOf } from '../../../src/internal.js';

/** Few sessions, so that steps concern the same ones. Two are in one shard, and so in one pending set. */
export const sessionIds: readonly [string, string, string] = ['a', neighbourOf('a'), 'b'];

function neighbourOf(id: string): string {
  for (let n = 0; ; n++) if (shardOf(`n${n}`) === shardOf(id)) return `n${n}`;
}
