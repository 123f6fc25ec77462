import { test } from 'vitest';
import { staysWithOneAgent } from './affinity.js';

test('keeps each of 12 sessions with one agent of the real CLI while 2 producers submit to 3 workers', () =>
  staysWithOneAgent({ sessions: 12, turns: 5 }));
