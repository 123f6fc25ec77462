import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ReaderEvent } from '@hearth/producer';
import { afterAll, expect, test } from 'vitest';
import { shareCluster } from '../support/shared-cluster.js';
import { eventsOf, tool } from '../support/turns.js';

const folder = mkdtempSync(join(tmpdir(), 'hearth-notices-'));
afterAll(() => rm(folder, { recursive: true }));

const file = (name: string, content: object): string => {
  writeFileSync(join(folder, name), JSON.stringify(content));
  return join(folder, name);
};
const program = fileURLToPath(new URL('../fixtures/asking-mcp-server.mjs', import.meta.url));
const mcpConfig = file('mcp.json', {
  mcpServers: { x: { command: process.execPath, args: [program] }, broken: { command: '/no/such/server' } },
});
const hook = (command: string): object[] => [{ hooks: [{ type: 'command', command }] }];
const settings = file('settings.json', {
  hooks: {
    SessionStart: hook('echo start-broke >&2; exit 2'),
    UserPromptSubmit: hook('if grep -q forbidden; then echo no-secrets >&2; exit 2; fi'),
  },
});
const schema = { type: 'object', properties: { answer: { type: 'integer' } }, required: ['answer'] };

const shared = shareCluster({
  profiles: {
    default: {
      spares: 0,
      allowedTools: ['mcp__x'],
      mcpConfig,
      settings,
      extraArgs: ['--json-schema', JSON.stringify(schema)],
    },
  },
});

const notice = (code: string, text: string): object =>
  expect.objectContaining({ code, message: expect.stringContaining(text) }) as object;

test('what goes wrong beside the conversation is told, and structured output is part of the result', async () => {
  const session = shared().session();
  const turn = await session.prompt(`${tool('mcp__x__ask', {})} ${tool('StructuredOutput', { answer: 7 })}`);
  expect(await turn.result()).toMatchObject({ structuredOutput: { answer: 7 } });
  // The agent starts before its turn begins, so the turn's own events are not all.
  const events: ReaderEvent[] = [];
  for await (const event of session.events({ after: '.0' })) {
    events.push(event);
    if (event.type === 'turn.finished') break;
  }
  expect(events).toContainEqual(notice('hook_failed', 'SessionStart:startup failed: start-broke'));
  expect(events).toContainEqual(notice('mcp_server_failed', '"broken" is not available (failed)'));
  // A question of an MCP server is declined at once.
  expect(events).toContainEqual(notice('request_declined', '"x": Which colour?'));
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'tool.ended', name: 'mcp__x__ask', summary: 'the user said decline' }),
  );
  expect(events.at(-1)).toMatchObject({ result: { structuredOutput: { answer: 7 } } });

  const blocked = await session.prompt('a forbidden word');
  expect(await eventsOf(blocked)).toContainEqual(notice('hook_stopped', 'no-secrets'));
  expect(await blocked.result()).toMatchObject({ notices: [notice('hook_stopped', 'no-secrets')] });
});
