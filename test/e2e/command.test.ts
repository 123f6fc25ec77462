import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { hearth } from '../support/command.js';
import { fakeClaude, hearthProgram } from '../support/programs.js';
import { shareCluster } from '../support/shared-cluster.js';
import { recall, recalled, remember } from '../support/turns.js';
import { withoutCredentials } from './start.js';

const shared = shareCluster();

/** The environment of a command that finds the shared cluster. */
const env = async (): Promise<NodeJS.ProcessEnv> => {
  const { cluster } = shared();
  return { ...cluster.env, HEARTH_HOME: await cluster.folder() };
};

test('ask streams a turn, continues the session, and reads its prompt from stdin', async () => {
  const environment = await env();
  const told = await hearth(['ask', '--session', 's', remember(77)], environment);
  expect(told).toMatchObject({ code: 0, stdout: 'I will remember the number 77.' });
  expect(told.stderr).toMatch(/spare · pid \d+ · first event/);
  const again = await hearth(['ask', '-s', 's', '--json'], environment, recall);
  expect(again.code).toBe(0);
  expect(again.lines.at(-1)).toMatchObject({ type: 'turn.finished', result: { warmth: 'hot', text: recalled(77) } });
  const text = again.lines.filter(({ type }) => type === 'text.delta').map((line) => line['text']);
  expect(text.join('')).toBe(recalled(77));

  expect((await hearth(['sessions', '--json'], environment)).lines).toEqual([
    expect.objectContaining({ sessionId: 's', turns: 2, waiting: 0, profile: 'default' }),
  ]);
  expect((await hearth(['workers', '--json'], environment)).lines).toEqual([
    expect.objectContaining({ workerNumber: 1, state: 'serving', profiles: { default: 'ok' } }),
  ]);
  expect((await hearth(['sessions'], environment)).stdout).toMatch(/^SESSION .*\ns {8}/);
});

test('ask exits with 1 and the typed error when the turn fails', async () => {
  const environment = await env();
  const failed = await hearth(['ask', '-s', 'fails', '--json', '[[error 400]] no'], environment);
  expect(failed.code).toBe(1);
  expect(failed.lines.at(-1)).toMatchObject({ type: 'turn.failed', error: { code: 'prompt_refused' } });
  const refused = await hearth(['ask', '-s', 'with space', '--json', 'x'], environment);
  expect(refused).toMatchObject({
    code: 1,
    lines: [{ kind: 'error', code: 'invalid_session_id', field: 'sessionId' }],
  });
});

test('chat talks with a session until its input ends', async () => {
  const chat = await hearth(['chat', 'c'], await env(), `${remember(9)}\n${recall}\n/exit\n`);
  expect(chat.code).toBe(0);
  expect(chat.stdout).toBe(`I will remember the number 9.\n${recalled(9)}`);
});

test('doctor names each fault with its way out, and passes a sound installation', async () => {
  await withCluster(async (cluster) => {
    const home = await cluster.folder();
    const config = await cluster.folder();
    await writeFile(join(config, 'CLAUDE.md'), 'Answer in rhymes.');
    const mcpConfig = join(home, 'mcp.json');
    const program = fileURLToPath(new URL('../fixtures/asking-mcp-server.mjs', import.meta.url));
    await writeFile(mcpConfig, JSON.stringify({ mcpServers: { x: { command: process.execPath, args: [program] } } }));
    const profiles = join(home, 'profiles.json');
    await writeFile(profiles, JSON.stringify({ asking: { mcpConfig } }));
    const described = ['--profile', 'asking', '--profiles', profiles];
    const doctorEnv = { ...cluster.env, HEARTH_HOME: home, CLAUDE_CONFIG_DIR: config };
    const well = await hearth(['doctor', '--json', ...described], doctorEnv);
    expect(well.code).toBe(0);
    expect(well.lines.map(({ check, state }) => [check, state])).toEqual([
      ['Node', 'ok'],
      ['home', 'ok'],
      ['Redis', 'ok'],
      ['claude', 'ok'],
      ['agent start', 'ok'],
      ['tools', 'ok'],
      ['MCP server', 'ok'],
      ['skills', 'ok'],
      ['commands', 'ok'],
      ['sub-agents', 'ok'],
      ['plugins', 'ok'],
      ['user files', 'warning'],
      ['credentials', 'ok'],
    ]);
    expect(well.lines[11]).toMatchObject({
      found: `${join(config, 'CLAUDE.md')} do not reach agents`,
      advice: expect.stringContaining('configTemplate'),
    });
    expect(well.lines[4]?.['found']).toMatch(/^\d+ ms/);
    expect(well.lines[5]?.['found']).toContain('mcp__x__ask');
    expect(cluster.api.requests).toEqual([]);
    const ill = await hearth(['doctor', '--json'], {
      ...withoutCredentials(cluster),
      // A file, and no folder.
      HEARTH_HOME: fakeClaude,
      CLAUDE_CONFIG_DIR: home,
      REDIS_URL: 'redis://127.0.0.1:1',
      HEARTH_CLAUDE_PATH: '/nowhere/claude',
    });
    expect(ill.code).toBe(1);
    expect(ill.lines.map(({ state }) => state)).toEqual(['ok', 'fault', 'fault', 'fault', 'fault', 'warning']);
    expect(ill.lines.slice(1).every(({ advice }) => typeof advice === 'string')).toBe(true);
  });
});

test('up without credentials names those it looked for and the demo', async () => {
  await withCluster(async (cluster) => {
    const env = { ...withoutCredentials(cluster), HEARTH_HOME: await cluster.folder() };
    const { code, stderr } = await hearth(['up'], env);
    expect(code).toBe(1);
    for (const word of ['ANTHROPIC_API_KEY', 'CLAUDE_CODE_OAUTH_TOKEN', 'hearth up --demo'])
      expect(stderr).toContain(word);
  });
});

test('up serves other commands of its home until SIGTERM', async () => {
  await withCluster(async (cluster) => {
    const home = await cluster.folder();
    const env = { ...withoutCredentials(cluster), HEARTH_HOME: home, HEARTH_CLAUDE_PATH: fakeClaude };
    const up = execa(process.execPath, [hearthProgram, 'up', '--demo', '--workers', '2', '--json'], {
      env,
      extendEnv: false,
      reject: false,
    });
    onTestFinished(() => void up.kill('SIGKILL'));
    const [line] = (await once(createInterface({ input: up.stdout }), 'line')) as [string];
    expect(JSON.parse(line)).toMatchObject({ kind: 'ready', workers: [{ workerNumber: 1 }, { workerNumber: 2 }] });
    expect((await hearth(['ask', '-s', 's', 'hello'], env)).stdout).toBe('Echo: hello');
    const second = await hearth(['up', '--demo'], env);
    expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('up already') });
    up.kill('SIGTERM');
    expect((await up).exitCode).toBe(0);
    expect((await hearth(['ask', '-s', 's', 'hello', '--json'], { ...env, REDIS_URL: '' })).lines[0]).toMatchObject({
      code: 'redis_unreachable',
    });
  });
});
