import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { type Cluster, withCluster } from '../support/cluster.js';
import { hearth } from '../support/command.js';
import { hearthProgram } from '../support/programs.js';

test('ask streams a turn, goes on in the session, and takes its prompt from stdin', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker();
    const env = { ...cluster.env, HEARTH_HOME: await cluster.folder() };
    const told = await hearth(['ask', '--session', 's', 'Remember the number 77.'], env);
    expect(told).toMatchObject({ code: 0, stdout: 'I will remember the number 77.' });
    expect(told.stderr).toMatch(/spare · pid \d+ · first event/);
    const recalled = await hearth(['ask', '-s', 's', '--json'], env, 'What number did I ask you to remember?');
    expect(recalled.code).toBe(0);
    expect(recalled.lines.at(-1)).toMatchObject({
      type: 'turn.finished',
      result: { warmth: 'hot', text: 'You asked me to remember the number 77.' },
    });
    const text = recalled.lines.filter(({ type }) => type === 'text.delta').map((line) => line['text']);
    expect(text.join('')).toBe('You asked me to remember the number 77.');

    expect((await hearth(['sessions', '--json'], env)).lines).toEqual([
      expect.objectContaining({ sessionId: 's', turns: 2, waiting: 0, profile: 'default' }),
    ]);
    expect((await hearth(['workers', '--json'], env)).lines).toEqual([
      expect.objectContaining({ workerNumber: 1, state: 'serving', profiles: { default: 'ok' } }),
    ]);
    expect((await hearth(['sessions'], env)).stdout).toMatch(/^SESSION .*\ns {8}/);
  });
});

test('ask fails with 1 and the typed error when the turn fails', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker();
    const env = { ...cluster.env, HEARTH_HOME: await cluster.folder() };
    const failed = await hearth(['ask', '-s', 's', '--json', '[[error 400]] no'], env);
    expect(failed.code).toBe(1);
    expect(failed.lines.at(-1)).toMatchObject({ type: 'turn.failed', error: { code: 'agent_failed' } });
    const refused = await hearth(['ask', '-s', 'with space', '--json', 'x'], env);
    expect(refused).toMatchObject({
      code: 1,
      lines: [{ kind: 'error', code: 'invalid_session_id', field: 'sessionId' }],
    });
  });
});

test('chat talks with a session until its input ends', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker();
    const env = { ...cluster.env, HEARTH_HOME: await cluster.folder() };
    const chat = await hearth(
      ['chat', 'c'],
      env,
      'Remember the number 9.\nWhat number did I ask you to remember?\n/exit\n',
    );
    expect(chat.code).toBe(0);
    expect(chat.stdout).toBe('I will remember the number 9.\nYou asked me to remember the number 9.');
  });
});

test('doctor names what is at fault and what to do, and is content when nothing is', async () => {
  await withCluster(async (cluster) => {
    const home = await cluster.folder();
    const well = await hearth(['doctor', '--json'], { ...cluster.env, HEARTH_HOME: home });
    expect(well.code).toBe(0);
    expect(well.lines.map(({ check, state }) => [check, state])).toEqual([
      ['Node', 'ok'],
      ['Redis', 'ok'],
      ['claude', 'ok'],
      ['agent start', 'ok'],
      ['credentials', 'ok'],
    ]);
    expect(well.lines[3]?.['found']).toMatch(/^\d+ ms/);
    const ill = await hearth(['doctor', '--json'], {
      ...withoutCredentials(cluster),
      HEARTH_HOME: home,
      REDIS_URL: 'redis://127.0.0.1:1',
      HEARTH_CLAUDE_PATH: '/nowhere/claude',
    });
    expect(ill.code).toBe(1);
    expect(ill.lines.map(({ state }) => state)).toEqual(['ok', 'fault', 'fault', 'fault', 'warning']);
    expect(ill.lines.slice(1).every(({ advice }) => typeof advice === 'string')).toBe(true);
  });
});

test('start --exit --json shows a conversation that remembers, beside cold runs, on JSON lines alone', async () => {
  await withCluster(async (cluster) => {
    const env = { ...withoutCredentials(cluster), HEARTH_HOME: await cluster.folder() };
    const { code, lines, stderr } = await hearth(['start', '--exit', '--json'], env);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr.split('\n')[0]).toMatch(/No credentials for Claude: this is the demo/);
    expect(lines.map(({ kind }) => kind)).toEqual([
      'ready',
      ...Array.from({ length: 4 }, () => ['turn', 'cold']).flat(),
    ]);
    const [a1, b1, a2, b2] = lines.filter(({ kind }) => kind === 'turn');
    expect(a1).toMatchObject({ warmth: 'spare', result: 'I will remember the number 4711.' });
    expect(a2).toMatchObject({
      warmth: 'hot',
      seq: 2,
      result: 'You asked me to remember the number 4711.',
      sessionId: a1?.['sessionId'],
      pid: a1?.['pid'],
      claudeSessionId: a1?.['claudeSessionId'],
    });
    expect(b2).toMatchObject({ warmth: 'hot', pid: b1?.['pid'], result: 'You asked me to remember the number 1234.' });
    expect(b1?.['pid']).not.toBe(a1?.['pid']);
  });
}, 120_000);

test('up without credentials says which it looked for, how to give them, and that there is a demo', async () => {
  await withCluster(async (cluster) => {
    const env = { ...withoutCredentials(cluster), HEARTH_HOME: await cluster.folder() };
    const { code, stderr } = await hearth(['up'], env);
    expect(code).toBe(1);
    for (const word of ['ANTHROPIC_API_KEY', 'CLAUDE_CODE_OAUTH_TOKEN', 'hearth up --demo'])
      expect(stderr).toContain(word);
  });
});

test('up serves other commands of the same home until it is told to stop, and leaves nothing behind', async () => {
  await withCluster(async (cluster) => {
    const home = await cluster.folder();
    const env = { ...withoutCredentials(cluster), HEARTH_HOME: home };
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
}, 120_000);

/** A machine on which nobody has given credentials, and where `up` brings its own Redis. */
function withoutCredentials(cluster: Cluster): NodeJS.ProcessEnv {
  const given = /^(ANTHROPIC_|CLAUDE_CODE_OAUTH_TOKEN$|CLAUDE_CODE_USE_|REDIS_URL$)/;
  return Object.fromEntries(Object.entries(cluster.env).filter(([name]) => !given.test(name)));
}
