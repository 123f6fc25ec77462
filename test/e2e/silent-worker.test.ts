import { test } from 'vitest';
import { blocked, frozen, killed, stopsItsTools } from './silent-worker.js';

// Side by side, because they wait for leases.
test.concurrent.for([
  ['frozen by SIGSTOP, with the real CLI,', frozen],
  ['with a blocked event loop', { ...blocked, claude: 'fake' as const }],
  ['killed', { ...killed, claude: 'fake' as const }],
] as const)('the tools of a worker %s stop before its sessions can be claimed', ([, silence], context) =>
  stopsItsTools(silence, context),
);
