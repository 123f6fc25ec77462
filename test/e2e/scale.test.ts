import { test } from 'vitest';
import { servesMoreThanItsSlots } from './scale.js';

test('serves 16 sessions on 2 workers with 3 slots in order, with one agent each between evictions', () =>
  servesMoreThanItsSlots({ sessions: 16, turnsEach: 6, workers: 2, slots: 3 }));
