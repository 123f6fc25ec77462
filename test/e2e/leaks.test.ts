import { test } from 'vitest';
import { leavesNothing } from './leaks.js';

test('opened and closed sessions leave no keys, folders, processes or memory', () =>
  leavesNothing({ served: 8, onlyOpened: 30, rounds: 2 }));
