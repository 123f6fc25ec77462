import { test } from 'vitest';
import { blocked, killed, stopsItsTools } from './silent-worker.js';

test.concurrent.for([
  ['with a blocked event loop', blocked],
  ['killed', killed],
] as const)(
  'the tools of the real CLI under a worker %s stop before its sessions can be claimed',
  ([, silence], context) => stopsItsTools(silence, context),
);
