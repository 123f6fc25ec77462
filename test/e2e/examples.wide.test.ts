/** The programs of examples/, started as in their README. The chat bot has a full test of its own. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer, request } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { TelegramStandIn } from '@hearth/examples/chat-bot/stand-in';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import type { Cluster } from '../support/cluster.js';
import { watchNode } from '../support/command.js';
import { gatewayProgram } from '../support/programs.js';
import { shareCluster } from '../support/shared-cluster.js';

const shared = shareCluster();

const example = (path: string): string => fileURLToPath(new URL(`../../examples/${path}`, import.meta.url));

async function run(cluster: Cluster, file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { exitCode, stdout, stderr } = await execa(file, args, {
    env: { ...cluster.env, ...env },
    extendEnv: false,
    reject: false,
  });
  return { code: exitCode, stdout, stderr };
}

/** A gateway in a process of its own; returns its address. */
async function startGateway(cluster: Cluster): Promise<string> {
  const gateway = watchNode([gatewayProgram, '--port', '0', '--stop-with-stdin'], cluster.env);
  const { url } = JSON.parse(await gateway.said(/"kind":"gateway"/)) as { url: string };
  onTestFinished(async () => void (await gateway.endInput()));
  return url;
}

const lines = (text: string): Record<string, unknown>[] =>
  text.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);

test('the chat loop answers, remembers, and asks for permissions', async () => {
  const { cluster } = shared();
  const chat = watchNode([example('dist/chat-loop/chat-loop.js'), 'loop'], cluster.env);
  chat.type('Remember the number 6.');
  await chat.said(/^I will remember the number 6\.$/);
  chat.type('[[error 400]] no');
  await chat.said(/prompt_refused: API Error: 400/);
  chat.type('x'.repeat(1024 * 1024 + 1));
  await chat.said(/prompt_too_large: /);
  chat.type('[[tool Effect {"text":"x"}]] go');
  await chat.said(/^Using Effect\.$/);
  await chat.said(/Effect asks for a permission/);
  chat.type('y');
  await chat.said(/^The tools answered: /);
  chat.type('What number did I ask you to remember?');
  await chat.said(/^You asked me to remember the number 6\.$/);
  expect(await chat.endInput()).toBe(0);
});

test('curl waits for a result, streams a turn, and prints a problem', async () => {
  const { cluster } = shared();
  const HEARTH_URL = await startGateway(cluster);
  const turns = (how: string, session: string, prompt: string) =>
    run(cluster, 'sh', [example('curl/turns.sh'), how, session, prompt], { HEARTH_URL });
  const prompt = 'He said: "50 %",\nC:\\temp & so on';
  const waited = await turns('wait', 'team/ä%1', prompt);
  expect(waited).toMatchObject({ code: 0 });
  expect(JSON.parse(waited.stdout)).toMatchObject({
    sessionId: 'team/ä%1',
    status: 'finished',
    text: `Echo: ${prompt}`,
  });
  const streamed = lines((await turns('stream', 'team/ä%1', 'and then?')).stdout);
  expect(streamed.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['turn.queued', 'turn.started', 'text.delta']),
  );
  expect(streamed.at(-1)).toMatchObject({ type: 'turn.finished', seq: 2, result: { text: 'Echo: and then?' } });
  const refused = await turns('wait', 'with space', 'x');
  expect(refused.code).not.toBe(0);
  expect(JSON.parse(refused.stdout)).toMatchObject({ code: 'invalid_session_id' });
});

const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython) process.stderr.write('python3 is missing: its example is not run\n');

test.skipIf(!hasPython)('Python follows a turn to its end although its connection is cut repeatedly', async () => {
  const { cluster } = shared();
  const gateway = await startGateway(cluster);
  const network = await badNetwork(gateway, 1_000);
  const words = Array.from({ length: 60 }, (_, at) => `word${at}`).join(' ');
  const answered = await run(
    cluster,
    'python3',
    [example('python/hearth_turn.py'), 'a/b', `[[stream chunks=60 every=5ms]] ${words}`],
    { HEARTH_URL: network.url },
  );
  expect(answered).toEqual({ code: 0, stdout: `Echo: ${words}`, stderr: '' });
  expect(network.cuts()).toBeGreaterThan(5);
  const restarting = await restartingProxy(gateway);
  expect(
    await run(cluster, 'python3', [example('python/hearth_turn.py'), 'a/b', 'hello'], { HEARTH_URL: restarting }),
  ).toMatchObject({
    code: 0,
    stdout: 'Echo: hello',
    stderr: expect.stringMatching(/answers 429; again\n.*answers 502/),
  });
  const failed = await run(cluster, 'python3', [example('python/hearth_turn.py'), 'fails', '[[error 400]] x'], {
    HEARTH_URL: gateway,
  });
  expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('prompt_refused: API Error: 400') });
});

/** A proxy that answers with a limit and an error page before it passes requests on. Returns its address. */
async function restartingProxy(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const refusals: [number, string][] = [
    [429, ''],
    [502, '<html><body>502 Bad Gateway</body></html>'],
  ];
  const server = createHttpServer((asked, answer) => {
    const [status, text] = refusals.shift() ?? [];
    if (status !== undefined) return void answer.writeHead(status, { 'retry-after': '0' }).end(text);
    const { method, headers, url: path } = asked;
    const passed = request({ hostname, port, method, path, headers }, (got) => {
      answer.writeHead(got.statusCode ?? 500, got.headers);
      got.pipe(answer);
    });
    asked.pipe(passed);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A proxy to the gateway that breaks every connection after a number of bytes of an answer. */
async function badNetwork(url: string, bytes: number): Promise<{ url: string; cuts: () => number }> {
  const { hostname, port } = new URL(url);
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    // The limit grows, so that every event arrives eventually.
    let left = bytes + cuts * 100;
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.pipe(upstream);
    client.on('close', () => upstream.destroy());
    upstream.on('end', () => client.end());
    upstream.on('data', (chunk: Buffer) => {
      client.write(chunk.subarray(0, left));
      left -= chunk.length;
      if (left > 0) return;
      cuts += 1;
      upstream.destroy();
      client.destroySoon();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, cuts: () => cuts };
}

test('the bot on Telegram answers and remembers, asks with buttons, and ends at Ctrl-C', async () => {
  const { cluster } = shared();
  const people = new TelegramStandIn();
  onTestFinished(() => people.stop());
  const bot = watchNode([example('dist/chat-bot/run-telegram.js')], {
    ...cluster.env,
    TELEGRAM_API: await people.start(),
    TELEGRAM_TOKEN: '1:token',
  });
  people.say('7', 'Remember the number 5.');
  await people.sees(({ text }) => text.trim() === 'I will remember the number 5.');
  people.say('7', '[[tool Effect {"text":"x"}]] go');
  const { buttons } = await people.sees((message) => message.buttons.length > 0);
  people.press('7', buttons.find(({ label }) => label === 'Allow')?.data ?? '');
  await people.sees(({ text }) => text.includes('The tools answered: '));
  people.say('7', 'What number did I ask you to remember?');
  await people.sees(({ text }) => text.trim() === 'You asked me to remember the number 5.');
  expect(await cluster.producer().session('telegram/7').turns()).toHaveLength(3);
  expect(await bot.leave()).toBe(0);
});

test('a plain BullMQ job is a turn, and ends with it', async () => {
  const { cluster } = shared();
  const program = example('dist/raw-bullmq/add-turn.js');
  const finished = await run(cluster, process.execPath, [program, 'job', 'hello', '50']);
  expect(finished).toMatchObject({ code: 0, stderr: '' });
  expect(lines(finished.stdout)).toEqual([{ added: expect.any(String) }, expect.objectContaining({ warmth: 'spare' })]);
  const [turn] = await cluster.producer().session('job').turns();
  expect(turn?.result).toMatchObject({ text: 'Echo: hello' });
  const failed = await run(cluster, process.execPath, [program, 'job', '[[error 400]] no']);
  expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('prompt_refused') });
});
