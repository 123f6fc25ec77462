import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { profileSchema } from '@hearth/shared';
import { createLogger } from '@hearth/shared/internal';
import { expect, onTestFinished, test } from 'vitest';
import { ClaudeAgent } from '../../../src/agent/claude/claude-agent.js';
import type { AgentEvent } from '../../../src/agent/driver.js';
import { OutOfMemoryKills } from '../../../src/processes/memory-limit.js';

interface Printing {
  events: AgentEvent[];
  /** What the agent wrote to its program so far. */
  written: () => unknown[];
}

/** An agent whose program prints these lines and then reads its stdin to the end. */
async function agentThatPrints(...lines: string[]): Promise<Printing> {
  const { agent, home, written } = await startAgent(lines);
  const events: AgentEvent[] = [];
  await agent.bind(home, (event) => events.push(event));
  return { events, written };
}

/** The same before it is bound to a session. */
async function startAgent(lines: readonly string[]) {
  // The agent removes it when it ends.
  const home = await mkdtemp(join(tmpdir(), 'hearth-agent-'));
  const binary = join(home, 'claude');
  const input = join(home, 'input');
  await writeFile(join(home, 'lines'), lines.map((line) => `${line}\n`).join(''));
  await writeFile(binary, '#!/bin/sh\ncat lines\nexec cat > input\n', { mode: 0o755 });
  const agent = new ClaudeAgent({
    binary,
    launch: { agentId: 'a-1', workerId: 'w-1', profile: profileSchema.parse({}), home, workspaces: home },
    beginning: { kind: 'placed', claudeSessionId: '0f8fad5b-d9cb-469f-a165-70867728950e' },
    cwd: home,
    workerEnv: { PATH: process.env['PATH'], HEARTH_TEST_RUN: process.env['HEARTH_TEST_RUN'] },
    login: undefined,
    mirrors: true,
    version: async () => '2.1.329',
    outOfMemoryKills: new OutOfMemoryKills(),
    log: createLogger('test', 'silent'),
  });
  onTestFinished(async () => void (await agent.end('now')));
  const written = (): unknown[] => {
    const text = existsSync(input) ? readFileSync(input, 'utf8') : '';
    return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
  };
  return { agent, home, written };
}

test('answers every control request that the session does not answer at once, and reports it', async () => {
  const request = (id: string, body: unknown): string =>
    JSON.stringify({ type: 'control_request', request_id: id, request: body });
  const elicitation = { subtype: 'elicitation', mcp_server_name: 'x', message: 'Which colour?', mode: 'form' };
  const { written, events } = await agentThatPrints(
    request('r1', elicitation),
    request('r2', { subtype: 'oauth_token_refresh' }),
    request('r3', { subtype: 7 }),
    request('r4', 'nothing'),
    request('r5', { subtype: 'can_use_tool', tool_name: 7, permission_suggestions: 'all' }),
    request('r6', { subtype: 'hook_callback' }),
  );
  const unsupported = (id: string): object => ({ subtype: 'error', request_id: id, error: 'unsupported' });
  await expect
    .poll(() => written())
    .toEqual(
      [
        { subtype: 'success', request_id: 'r1', response: { action: 'decline' } },
        unsupported('r2'),
        unsupported('r3'),
        unsupported('r4'),
      ].map((response) => ({ type: 'control_response', response })),
    );
  await expect
    .poll(() => events.filter(({ kind }) => kind !== 'line'))
    .toMatchObject([
      { kind: 'notice', code: 'request_declined', message: expect.stringContaining('"x": Which colour?') },
      { kind: 'notice', code: 'request_declined', message: expect.stringContaining('"oauth_token_refresh"') },
      { kind: 'notice', code: 'request_declined', message: expect.stringContaining('"unknown"') },
      { kind: 'notice', code: 'request_declined', message: expect.stringContaining('"unknown"') },
      { kind: 'permission', requestId: 'r5', name: '' },
      { kind: 'gate', requestId: 'r6', name: 'unknown' },
    ]);
});

test('reports every line of the CLI as a sign of life, also one that makes no event', async () => {
  const lines = [
    { type: 'stream_event', event: { type: 'content_block_delta', delta: { type: 'input_json_delta' } } },
    { type: 'stream_event', event: { type: 'content_block_delta', delta: { type: 'thinking_delta', thinking: '' } } },
    { type: 'stream_event', event: { type: 'ping' } },
    { type: 'system', subtype: 'status', status: null },
    { type: 'system', subtype: 'task_progress' },
    { type: 'keep_alive' },
  ].map((line) => JSON.stringify(line));
  const { events } = await agentThatPrints(...lines, 'no json');
  await expect.poll(() => events).toEqual(Array.from({ length: lines.length + 1 }, () => ({ kind: 'line' })));
});

test('keeps the notices from before its bind', async () => {
  const failed = {
    type: 'system',
    subtype: 'hook_response',
    hook_name: 'SessionStart',
    outcome: 'error',
    stderr: 'broke',
  };
  const { agent, home } = await startAgent([JSON.stringify(failed)]);
  const printed: string[] = [];
  agent.watch((_way, line) => printed.push(line));
  await expect.poll(() => printed).toHaveLength(1);
  const events: AgentEvent[] = [];
  await agent.bind(home, (event) => events.push(event));
  expect(events).toMatchObject([{ kind: 'notice', code: 'hook_failed' }]);
});
