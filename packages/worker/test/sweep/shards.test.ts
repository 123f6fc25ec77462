import { expect, test } from 'vitest';
import { allShards, partOf } from '../../src/sweep/shards.js';

const worker = (workerId: string, state: 'serving' | 'draining' = 'serving') => ({ workerId, state });

test('shares all shards among the serving workers, and gives a draining one none', () => {
  const live = [worker('a'), worker('b', 'draining'), worker('c')];
  const parts = ['a', 'c'].flatMap((workerId) => partOf(workerId, live));
  expect(parts.sort((a, b) => a - b)).toEqual(allShards);
});
