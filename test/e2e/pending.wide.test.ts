import { test } from 'vitest';
import { servesPendingInOrder } from './pending.js';

test('10,000 sessions wait without a worker: their doorbells stay bounded, and two workers serve them in order', () =>
  servesPendingInOrder({ sessions: 10_000, served: 200 }));
