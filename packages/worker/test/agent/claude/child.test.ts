import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { Child } from '../../../src/agent/claude/child.js';
import { agentMark, markedProcesses } from '../../../src/processes/marked.js';
import type { OutOfMemoryKills } from '../../../src/processes/memory-limit.js';

/** A kernel that killed each process that a test does not kill. */
const outOfMemoryKills = { take: () => true } as OutOfMemoryKills;

function start(script: string): { child: Child; agentId: string; line: Promise<unknown[]>; lines: string[] } {
  const agentId = randomUUID();
  const lines: string[] = [];
  const heard = new EventTarget();
  const line = once(heard, 'line');
  const child = new Child({
    binary: '/bin/sh',
    args: ['-c', script],
    cwd: '/',
    env: {
      PATH: process.env['PATH'] ?? '',
      [agentMark]: agentId,
      HEARTH_TEST_RUN: process.env['HEARTH_TEST_RUN'] ?? '',
    },
    agentId,
    outOfMemoryKills,
    onLine: (text) => {
      lines.push(text);
      heard.dispatchEvent(new Event('line'));
    },
    onTooLong: () => undefined,
    onStderr: () => undefined,
  });
  return { child, agentId, line, lines };
}

test('ends a child by closing its stdin, and reports the exit', async () => {
  const { child, line } = start('echo ready; cat > /dev/null; echo "last words" >&2; exit 3');
  await line;
  expect(await child.end('ask')).toEqual({
    code: 3,
    signal: undefined,
    stderrTail: 'last words',
    isOutOfMemory: false,
  });
});

test('keeps a character of stderr whole that arrives in two pieces', async () => {
  const { child } = start('printf "caf\\303" >&2; sleep 0.1; printf "\\251" >&2');
  expect(await child.exited).toMatchObject({ stderrTail: 'café' });
});

test('kills a child that reacts to nothing', async () => {
  const { child, line } = start('trap "" TERM; echo ready; while :; do sleep 1; done');
  await line;
  expect(await child.end('ask')).toMatchObject({ signal: 'SIGKILL' });
});

test('kills what a child started in process sessions of their own', async () => {
  const { child, agentId, line } = start(
    'setsid sh -c "sleep 300" & setsid sh -c "trap \\"\\" TERM; sleep 300" & echo ready; cat > /dev/null',
  );
  await line;
  expect((await markedProcesses(agentMark, agentId)).length).toBeGreaterThan(2);
  await child.end('now');
  expect(await markedProcesses(agentMark, agentId)).toEqual([]);
});

test('never blocks a child that floods both pipes, and keeps the tail of its stderr', async () => {
  const { child, lines } = start(
    'i=0; while [ $i -lt 20000 ]; do echo "line $i"; echo "error $i" >&2; i=$((i+1)); done',
  );
  const { code, stderrTail } = await child.exited;
  expect(code).toBe(0);
  expect(lines).toHaveLength(20_000);
  expect(stderrTail).toMatch(/error 19999$/);
  expect(stderrTail.length).toBeLessThanOrEqual(2_000);
  await child.end('now');
});

test('reports a program that does not exist as an exit', async () => {
  const child = new Child({
    binary: '/nowhere/claude',
    args: [],
    cwd: '/',
    env: {},
    agentId: 'x',
    outOfMemoryKills,
    onLine: () => undefined,
    onTooLong: () => undefined,
    onStderr: () => undefined,
  });
  expect(await child.exited).toMatchObject({ code: undefined, stderrTail: expect.stringContaining('ENOENT') });
});

test.each([
  ['by the kernel', true, (child: Child) => process.kill(child.pid ?? 0, 'SIGKILL')],
  ['by the worker', false, (child: Child) => void child.end('now')],
  ['by another signal', false, (child: Child) => process.kill(child.pid ?? 0, 'SIGTERM')],
])('reports a child killed %s', async (_by, isOutOfMemory, kill) => {
  const { child, line } = start('echo ready; exec sleep 60');
  await line;
  kill(child);
  expect(await child.exited).toMatchObject({ signal: expect.any(String), isOutOfMemory });
});
