/** What hearth-claude does besides answering. What it prints is compared in drop-in.ts. */
import { randomUUID } from 'node:crypto';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';
import { type Watching, watchNode } from '../support/command.js';
import { eventually } from '../support/facts.js';
import { dropIn } from '../support/programs.js';
import { shareCluster } from '../support/shared-cluster.js';
import { recall, recalled, remember } from '../support/turns.js';

const shared = shareCluster();

const slow = '[[stream chunks=40 every=5s]] a b c d e f g h';
const stream = ['--output-format', 'stream-json', '--verbose'];

async function call(cluster: Cluster, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [dropIn, ...args], {
    env: { ...cluster.env, HEARTH_HOME: await cluster.folder(), ...env },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  });
  return { code: exitCode, stdout, stderr };
}

const start = async (cluster: Cluster, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Watching> =>
  watchNode([dropIn, ...args], { ...cluster.env, HEARTH_HOME: await cluster.folder(), ...env });

test('without a cluster it names what to start, or runs the real claude with HEARTH_CLAUDE_FALLBACK', async () => {
  await withCluster(async (cluster) => {
    const absent = await call(cluster, ['-p', 'hello']);
    expect(absent).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/no Hearth worker lives.*hearth up/),
    });
    const nowhere = { REDIS_URL: 'redis://127.0.0.1:1' };
    const without = await call(cluster, ['-p', 'hello'], nowhere);
    expect(without).toMatchObject({ code: 1, stderr: expect.stringMatching(/redis_unreachable.*hearth up/) });
    const home = await cluster.folder();
    const real = { ...nowhere, HEARTH_CLAUDE_FALLBACK: '1', HOME: home, CLAUDE_CONFIG_DIR: home };
    expect(await call(cluster, ['-p', 'hello'], real)).toMatchObject({ code: 0, stdout: 'Echo: hello' });
  });
});

test('Ctrl-C interrupts its turn with the exit code of the CLI, and the session goes on', async () => {
  const { cluster } = shared();
  const sessionId = randomUUID();
  const session = cluster.producer().session(sessionId);
  const asking = await start(cluster, ['-p', '--session-id', sessionId, ...stream, slow]);
  void asking.endInput();
  await asking.said(/"subtype":"init"/);
  expect(await asking.leave()).toBe(130);
  const [turn] = await session.turns();
  expect(turn?.result).toMatchObject({ status: 'failed', error: { code: 'interrupted' } });
  expect(await call(cluster, ['-p', '--resume', sessionId, 'hello'])).toMatchObject({
    code: 0,
    stdout: 'Echo: hello',
  });
});

test('a host interrupts in the stream, and gets an error for an unsupported request', async () => {
  const { cluster } = shared();
  const host = await start(cluster, ['-p', '--input-format', 'stream-json', '--replay-user-messages', ...stream]);
  const say = (line: object): void => host.type(JSON.stringify(line));
  const ask = (id: string, subtype: string): void =>
    say({ type: 'control_request', request_id: id, request: { subtype } });
  // The Agent SDK sends an empty system prompt by default.
  const request = { subtype: 'initialize', systemPrompt: [''] };
  say({ type: 'control_request', request_id: 'a', request });
  await host.said(/"request_id":"a".*"response":\{\}/);
  ask('b', 'set_model');
  await host.said(/"subtype":"error","request_id":"b"/);
  say({ type: 'user', message: { role: 'user', content: slow } });
  await host.said(/"isReplay":true/);
  await host.said(/"subtype":"init"/);
  ask('c', 'interrupt');
  await host.said(/"subtype":"error_during_execution".*"terminal_reason":"aborted_streaming"/);
  await host.said(/"request_id":"c"/);
  say({ type: 'user', message: { role: 'user', content: [{ type: 'text', text: 'hello' }] } });
  await host.said(/"result":"Echo: hello"/);
  expect(await host.endInput()).toBe(0);
});

test('refuses an initialize with hooks by name, and serves no prompt', async () => {
  const { cluster } = shared();
  const sessionId = randomUUID();
  const host = await start(cluster, ['-p', '--input-format', 'stream-json', '--session-id', sessionId, ...stream]);
  // As the Agent SDK 0.3.329 writes it, with the prompt right behind it.
  const hooks = { PreToolUse: [{ hookCallbackIds: ['hook_0'] }] };
  const request = { subtype: 'initialize', hooks, systemPrompt: ['be brief'], agents: {}, title: '' };
  host.type(JSON.stringify({ type: 'control_request', request_id: 'a', request }));
  host.type(JSON.stringify({ type: 'user', message: { role: 'user', content: 'hello' } }));
  await host.said(/"subtype":"error","request_id":"a","error":"hearth-claude does not support hooks, systemPrompt of/);
  expect(await host.ended).toBe(1);
  await host.said(/^error: hearth-claude does not support hooks, systemPrompt of initialize/);
  expect(await cluster.producer().session(sessionId).summary()).toBeUndefined();
});

test('denies a permission at once, or waits for another caller with HEARTH_CLAUDE_PERMISSIONS=wait', async () => {
  const { cluster } = shared();
  const sessionId = randomUUID();
  const args = ['-p', '[[tool Effect {"text":"x"}]] go'];
  expect((await call(cluster, args)).stdout).toContain("you haven't granted it yet");
  const waiting = await start(cluster, [...args, '--session-id', sessionId], { HEARTH_CLAUDE_PERMISSIONS: 'wait' });
  void waiting.endInput();
  const session = cluster.producer().session(sessionId);
  const [request] = await eventually(async () => {
    const open = await session.permissions();
    return open.length > 0 && open;
  });
  await session.answer(request?.requestId ?? '', { decision: 'deny', message: 'not on a Sunday' });
  await waiting.said(/not on a Sunday/);
  expect(await waiting.ended).toBe(0);
});

test('remembers nothing without a session, and continues the session of HEARTH_CLAUDE_NAME', async () => {
  const { cluster } = shared();
  const HEARTH_HOME = await cluster.folder();
  const once = await call(cluster, ['-p', '--no-session-persistence', remember(3)], { HEARTH_HOME });
  expect(once).toMatchObject({ code: 0, stdout: 'I will remember the number 3.' });
  const named = (name: string, prompt: string) =>
    call(cluster, ['-p', '-c', prompt], { HEARTH_HOME, HEARTH_CLAUDE_NAME: name });
  expect((await named('anna', recall)).stdout).toBe('You have not asked me to remember a number.');
  await named('anna', remember(4));
  await named('berta', remember(5));
  expect((await named('anna', recall)).stdout).toBe(recalled(4));
  expect((await named('berta', recall)).stdout).toBe(recalled(5));
});
