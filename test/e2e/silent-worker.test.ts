import { test } from 'vitest';
import { blocked, frozen, killed, stopsItsTools } from './silent-worker.js';

// Side by side, because they wait for leases.
test.concurrent.for([
  ['frozen by SIGSTOP', frozen],
  ['with a blocked event loop', blocked],
  ['killed', killed],
] as const)('the tools of a worker %s stop before its sessions can be claimed', ([, silence], context) =>
  stopsItsTools({ ...silence, claude: 'fake' }, context),
);
