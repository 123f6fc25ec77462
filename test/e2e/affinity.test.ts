import { test } from 'vitest';
import { staysWithOneAgent } from './affinity.js';

test('keeps each of 6 sessions with one agent while 2 producers submit to 3 workers', () =>
  staysWithOneAgent({ claude: 'fake', sessions: 6, turns: 5 }));
