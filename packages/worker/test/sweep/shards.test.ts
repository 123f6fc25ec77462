import { expect, test } from 'vitest';
import { allShards, partOf } from '../../src/sweep/shards.js';

const worker = (workerId: string, state: 'serving' | 'draining' = 'serving') => ({ workerId, state });

test('the workers that serve look after every shard, each after its own part; one that drains looks after none any more', () => {
  const living = [worker('a'), worker('b', 'draining'), worker('c')];
  const parts = ['a', 'c'].flatMap((workerId) => partOf(workerId, living));
  expect(parts.sort((a, b) => a - b)).toEqual(allShards);
});
