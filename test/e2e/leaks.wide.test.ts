import { test } from 'vitest';
import { leavesNothing } from './leaks.js';

test('thousands of opened and closed sessions leave no keys, folders, processes or memory', () =>
  leavesNothing({ served: 50, onlyOpened: 290, rounds: 6 }));
