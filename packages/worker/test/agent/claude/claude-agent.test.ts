import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { profileSchema } from '@hearth/shared';
import { createLogger } from '@hearth/shared/internal';
import { expect, onTestFinished, test } from 'vitest';
import { ClaudeAgent } from '../../../src/agent/claude/claude-agent.js';
import type { AgentEvent } from '../../../src/agent/driver.js';
import { OutOfMemoryKills } from '../../../src/processes/memory-limit.js';

/** An agent whose program prints these lines and then waits for the end of its stdin. */
async function agentThatPrints(...lines: string[]): Promise<{ agent: ClaudeAgent; events: AgentEvent[] }> {
  // The agent removes it when it ends.
  const home = await mkdtemp(join(tmpdir(), 'hearth-agent-'));
  const binary = join(home, 'claude');
  await writeFile(join(home, 'lines'), lines.map((line) => `${line}\n`).join(''));
  await writeFile(binary, '#!/bin/sh\ncat lines\nexec cat > /dev/null\n', { mode: 0o755 });
  const agent = new ClaudeAgent({
    binary,
    launch: { agentId: 'a-1', workerId: 'w-1', profile: profileSchema.parse({}), home, workspaces: home },
    beginning: { kind: 'placed', claudeSessionId: '0f8fad5b-d9cb-469f-a165-70867728950e' },
    cwd: home,
    workerEnv: { PATH: process.env['PATH'], HEARTH_TEST_RUN: process.env['HEARTH_TEST_RUN'] },
    mirrors: true,
    version: async () => '2.1.329',
    outOfMemoryKills: new OutOfMemoryKills(),
    log: createLogger('test', 'silent'),
  });
  onTestFinished(async () => void (await agent.end('now')));
  const events: AgentEvent[] = [];
  await agent.bind(home, (event) => events.push(event));
  return { agent, events };
}

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
