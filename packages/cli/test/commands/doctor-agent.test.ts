import { expect, test } from 'vitest';
import { checkAgent, findingsOf } from '../../src/commands/doctor-agent.js';

test('lists what an agent has to work with, and marks servers that failed', () => {
  const findings = findingsOf({
    subtype: 'init',
    tools: ['Bash', 'Read'],
    mcp_servers: [
      { name: 'a', status: 'connected' },
      { name: 'b', status: 'failed' },
      { name: 'c', status: 'pending' },
    ],
    plugins: [{ name: 'p' }],
  });
  expect(findings).toMatchObject([
    { check: 'tools', state: 'ok', found: '2: Bash, Read' },
    { check: 'MCP server', state: 'ok', found: 'a: connected' },
    { check: 'MCP server', state: 'fault', found: 'b: failed', advice: expect.stringContaining('by hand') },
    { check: 'MCP server', state: 'warning', found: 'c: pending' },
    { check: 'skills', found: 'none' },
    { check: 'commands', found: 'none' },
    { check: 'sub-agents', found: 'none' },
    { check: 'plugins', found: '1: p' },
  ]);
});

test('reports an agent that does not describe itself', () => {
  for (const line of [undefined, { code: 1 }]) expect(findingsOf(line)).toMatchObject([{ state: 'fault' }]);
});

test('names the profiles when there is none of that name', async () => {
  expect(await checkAgent({ profile: 'nope' })).toMatchObject([
    { state: 'fault', advice: expect.stringContaining('expected: one of default') },
  ]);
});
