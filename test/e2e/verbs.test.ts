import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Cluster } from '../support/cluster.js';
import { hearth, watch } from '../support/command.js';
import { shareCluster } from '../support/shared-cluster.js';
import { firstEvent } from '../support/turns.js';

const shared = shareCluster();

const long = '[[stream chunks=40 every=5s]] one two three four five six seven eight nine ten eleven twelve';
const touch = (file: string): string => `[[tool Bash ${JSON.stringify({ command: `touch ${file}` })}]] go`;

const envOf = async (cluster: Cluster): Promise<NodeJS.ProcessEnv> => ({
  ...cluster.env,
  HEARTH_HOME: await cluster.folder(),
});

test('interrupt, cancel, warm and ask --on-busy print one JSON value per line', async () => {
  const { cluster } = shared();
  const env = await envOf(cluster);
  const session = shared().session();
  expect((await hearth(['warm', session.sessionId, '--json'], env)).lines).toEqual([
    {
      kind: 'warmed',
      sessionId: session.sessionId,
      warmth: 'spare',
      pid: expect.any(Number),
      workerId: expect.any(String),
    },
  ]);
  expect(await hearth(['interrupt', session.sessionId], env)).toMatchObject({
    code: 0,
    stdout: `no turn runs in session ${session.sessionId}`,
  });
  const running = await session.prompt(long, { turnId: 'runs' });
  await firstEvent(running, 'text.delta');
  await session.prompt('waits', { turnId: 'waits' });
  expect(await hearth(['ask', '-s', session.sessionId, '--on-busy', 'reject', '--json', 'x'], env)).toMatchObject({
    code: 1,
    lines: [{ kind: 'error', code: 'session_busy' }],
  });
  expect((await hearth(['cancel', session.sessionId, 'runs', '--json'], env)).lines).toMatchObject([
    { kind: 'running' },
  ]);
  expect(await hearth(['cancel', session.sessionId, 'waits'], env)).toMatchObject({ code: 0, stdout: 'cancelled' });
  const stopped = await hearth(['interrupt', session.sessionId, '--turn-id', 'runs', '--json'], env);
  expect(stopped.lines).toMatchObject([
    { kind: 'interrupted', sessionId: session.sessionId, result: { turnId: 'runs', seq: 1 } },
  ]);
  expect(await hearth(['interrupt', session.sessionId, '--turn-id', 'unknown', '--json'], env)).toMatchObject({
    code: 1,
    lines: [{ kind: 'error', code: 'turn_gone', field: 'turnId' }],
  });
});

test('permissions lists a request, and answer allows it with another input', async () => {
  const { cluster } = shared();
  const env = await envOf(cluster);
  const file = join(await cluster.folder(), 'made');
  const session = shared().session();
  expect((await hearth(['permissions', session.sessionId], env)).stdout).toBe(
    `no permission request waits in session ${session.sessionId}`,
  );
  const asking = watch(['ask', '-s', session.sessionId, touch(file)], env);
  await asking.said(/waits for an answer to/);
  const [request] = (await hearth(['permissions', session.sessionId, '--json'], env)).lines;
  expect(request).toMatchObject({ name: 'Bash', input: { command: `touch ${file}` } });
  const requestId = String(request?.['requestId']);
  const both = await hearth(['answer', session.sessionId, requestId, '--json'], env);
  expect(both).toMatchObject({ code: 1, lines: [{ kind: 'error', code: 'invalid_answer', field: '--allow' }] });
  const input = JSON.stringify({ command: `touch ${file}-instead` });
  const answered = await hearth(['answer', session.sessionId, requestId, '--allow', '--input', input, '--json'], env);
  expect(answered.lines).toEqual([{ kind: 'answered', sessionId: session.sessionId, requestId, decision: 'allow' }]);
  await asking.said(/Bash: allowed \(answer\)/);
  expect(await asking.ended).toBe(0);
  expect([existsSync(file), existsSync(`${file}-instead`)]).toEqual([false, true]);
  const again = await hearth(['answer', session.sessionId, requestId, '--deny', '--message', 'late'], env);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('already_resolved') });
  expect((await session.summary())?.turns).toBe(1);
});

test('chat asks for permissions and questions, and Ctrl-C interrupts the turn, not the chat', async () => {
  const { cluster } = shared();
  const file = join(await cluster.folder(), 'made');
  const chat = watch(['chat', 'c'], await envOf(cluster));
  chat.type(touch(`${file}-1`));
  await chat.said(/y allow · n deny · .*s deny and stop/);
  chat.type('y');
  await chat.said(/Bash: allowed \(answer\)/);
  await chat.said(/\$\d/);
  expect(existsSync(`${file}-1`)).toBe(true);

  const options = [
    { label: 'Red', description: 'warm' },
    { label: 'Blue', description: 'cold' },
  ];
  const questions = [{ question: 'Which colour?', header: 'Colour', multiSelect: false, options }];
  chat.type(`[[tool AskUserQuestion ${JSON.stringify({ questions })}]] go`);
  await chat.said(/Which colour\? \(a number/);
  chat.type('9');
  chat.type('2');
  await chat.said(/^The tools answered: .*Blue/);

  chat.type(touch(`${file}-2`));
  await chat.said(/\? Bash .*made-2/);
  chat.ctrlC();
  await chat.said(/stopping; Ctrl-C again leaves/);
  await chat.said(/Bash: withdrawn/);
  await chat.said(/failed interrupted: /);
  expect(existsSync(`${file}-2`)).toBe(false);
  chat.type('still there?');
  await chat.said(/^Echo: still there\?$/);
  expect(await chat.leave()).toBe(130);
});
