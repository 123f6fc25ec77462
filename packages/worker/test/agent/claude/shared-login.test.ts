import { lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, type Logger } from '@hearth/shared/internal';
import { expect, onTestFinished, test } from 'vitest';
import { SharedLogin } from '../../../src/agent/claude/shared-login.js';

/** A config dir with a login, those of agents that share it, and the events that were logged. */
async function withLogin() {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-test-login-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const user = join(folder, 'user');
  await mkdir(user);
  await writeFile(join(user, '.credentials.json'), '{"token":1}');
  const events: unknown[] = [];
  const note = ({ event }: { event: string }): void => void events.push(event);
  const log = { ...createLogger('test', 'silent'), info: note, error: note } as unknown as Logger;
  const agent = async (name: string) => {
    const config = join(folder, name);
    await mkdir(config);
    const login = new SharedLogin(name, config, user, log);
    await login.start();
    const file = join(config, '.credentials.json');
    /** Refreshes the login as the CLI does. */
    const refresh = async (content: string): Promise<void> => {
      await writeFile(`${file}.tmp`, content);
      await rename(`${file}.tmp`, file);
    };
    return { login, file, refresh, read: () => readFile(file, 'utf8') };
  };
  return { user, events, agent, shared: () => readFile(join(user, '.credentials.json'), 'utf8') };
}

test('carries a login that an agent refreshed to the shared one, and so to the other agents', async () => {
  const { user, agent, shared } = await withLogin();
  const [one, two] = [await agent('one'), await agent('two')];
  await one.refresh('{"token":2}');
  await expect.poll(shared).toBe('{"token":2}');
  await expect.poll(async () => (await lstat(one.file)).isSymbolicLink()).toBe(true);
  expect(await two.read()).toBe('{"token":2}');
  await two.refresh('{"token":3}');
  await expect.poll(one.read).toBe('{"token":3}');
  for (const { login } of [one, two]) await login.stop();
  expect(await readdir(user)).toEqual(['.credentials.json']);
  expect((await stat(join(user, '.credentials.json'))).mode & 0o777).toBe(0o600);
});

test('carries back what an agent refreshed just before its end', async () => {
  const { agent, shared } = await withLogin();
  const one = await agent('one');
  await one.refresh('{"token":4}');
  await one.login.stop();
  expect(await shared()).toBe('{"token":4}');
});

test('says when the shared login cannot be written', async () => {
  const { user, agent, events } = await withLogin();
  const one = await agent('one');
  await rm(user, { recursive: true });
  await one.refresh('{"token":5}');
  await one.login.stop();
  expect(events).toContain('login.carry_back_failed');
  expect(await one.read()).toBe('{"token":5}');
});
