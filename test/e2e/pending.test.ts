import { test } from 'vitest';
import { servesPendingInOrder } from './pending.js';

test('500 sessions wait without a worker: their doorbells stay bounded, and two workers serve them in order', () =>
  servesPendingInOrder({ sessions: 500, served: 24 }));
