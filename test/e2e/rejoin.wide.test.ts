import { test } from 'vitest';
import { isNotDelayed, rejoinsAfterCuts } from './rejoin.js';

test('a reader whose connections are cut 50 times during one turn gets every event once and in order', () =>
  rejoinsAfterCuts({ cuts: 50, pieces: 500 }));

test('a slow reader of 100,000 events delays neither the turn nor another reader, and holds no memory', () =>
  isNotDelayed({ events: 100_000 }));
