import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { endOfWorkers } from './leaked-processes.js';

/** The time limit in ms where no process has to end. */
const atOnce = 100;

test.each([
  { what: 'a tool in a session of its own', args: ['-c', 'read -r _'], env: { HEARTH_MARK_WORKER: 'w-left' } },
  { what: 'a watchdog', args: ['-c', 'read -r _', '/somewhere/watchdog/main.js', 'w-left', '2000'], env: {} },
])(
  '$what that a worker left is found, without anything of the run in its environment, and ended',
  async ({ args, env }) => {
    const left = spawn('/bin/sh', args, { detached: true, stdio: ['pipe', 'ignore', 'ignore'], env });
    const gone = once(left, 'exit');
    expect(await endOfWorkers(new Set(['w-other', '', '2000']), atOnce)).toEqual([]);
    const found = await endOfWorkers(new Set(['w-left']), atOnce);
    expect(found).toContainEqual(expect.stringContaining(`a process: ${left.pid} `));
    await gone;
    expect(await endOfWorkers(new Set(['w-left']), atOnce)).toEqual([]);
  },
);
