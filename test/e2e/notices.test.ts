import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { shareCluster } from '../support/shared-cluster.js';
import { eventsOf, tool } from '../support/turns.js';

const program = fileURLToPath(new URL('../fixtures/asking-mcp-server.mjs', import.meta.url));
const mcpServers = { x: { command: process.execPath, args: [program] } };
const folder = mkdtempSync(join(tmpdir(), 'hearth-notices-'));
const mcpConfig = join(folder, 'mcp.json');
writeFileSync(mcpConfig, JSON.stringify({ mcpServers }));
afterAll(() => rm(folder, { recursive: true }));

const shared = shareCluster({
  profiles: { default: { spares: 0, allowedTools: ['mcp__x'], mcpConfig } },
});

test('a question of an MCP server is declined at once, and a notice says so', async () => {
  const turn = await shared().session().prompt(tool('mcp__x__ask', {}));
  const events = await eventsOf(turn);
  expect(events).toContainEqual(
    expect.objectContaining({
      type: 'notice',
      code: 'request_declined',
      message: expect.stringContaining('"x": Which colour?'),
    }),
  );
  expect(await turn.result()).toMatchObject({ text: 'The tools answered: the user said decline' });
});
