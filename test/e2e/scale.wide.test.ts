import { test } from 'vitest';
import { servesMoreThanItsSlots } from './scale.js';

test('serves 200 sessions × 20 turns on 4 workers with 10 slots in order, with one agent each between evictions', () =>
  servesMoreThanItsSlots({ sessions: 200, turnsEach: 20, workers: 4, slots: 10 }));
