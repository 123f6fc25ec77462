import { test } from 'vitest';
import { blocked, frozen, killed, stopsItsTools } from './silent-worker.js';

test.concurrent.for([
  ['frozen by SIGSTOP', frozen],
  ['with a blocked event loop', blocked],
  ['killed', killed],
] as const)(
  'the tools of the real CLI under a worker %s stop before its sessions can be claimed',
  ([, silence], context) => stopsItsTools(silence, context),
);
