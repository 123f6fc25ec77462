/** The behaviour of hearth-claude beside its output; for the output see drop-in.test.ts. */
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';
import { type Watching, watchNode } from '../support/command.js';
import { eventually } from '../support/facts.js';
import { dropIn } from '../support/programs.js';

const slow = '[[stream chunks=40 every=5s]] a b c d e f g h';
const stream = ['--output-format', 'stream-json', '--verbose'];
const sessionId = '33333333-3333-4333-8333-333333333333';

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

test('without a cluster it names the command to start one, or runs the real claude when configured', async () => {
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

test('a signal interrupts its turn, and it exits as the CLI does; the session continues', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
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
});

test('a host interrupts in the stream, and unsupported requests are answered with an error', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
    const host = await start(cluster, ['-p', '--input-format', 'stream-json', '--replay-user-messages', ...stream]);
    const say = (line: object): void => host.type(JSON.stringify(line));
    const ask = (id: string, subtype: string): void =>
      say({ type: 'control_request', request_id: id, request: { subtype } });
    ask('a', 'initialize');
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
});

test('a permission is denied at once, or left to another client', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
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
});

test('without a session id it remembers nothing, and with a name it continues its own session', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
    const HEARTH_HOME = await cluster.folder();
    const once = await call(cluster, ['-p', '--no-session-persistence', 'Remember the number 3.'], { HEARTH_HOME });
    expect(once).toMatchObject({ code: 0, stdout: 'I will remember the number 3.' });
    const named = (name: string, prompt: string) =>
      call(cluster, ['-p', '-c', prompt], { HEARTH_HOME, HEARTH_CLAUDE_NAME: name });
    const recall = 'What number did I ask you to remember?';
    expect((await named('anna', recall)).stdout).toBe('You have not asked me to remember a number.');
    await named('anna', 'Remember the number 4.');
    await named('berta', 'Remember the number 5.');
    expect((await named('anna', recall)).stdout).toBe('You asked me to remember the number 4.');
    expect((await named('berta', recall)).stdout).toBe('You asked me to remember the number 5.');
  });
});
