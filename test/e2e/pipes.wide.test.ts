/** Every command ends only when its reader has taken the output. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { eventually } from '../support/facts.js';
import { dropIn, hearthProgram } from '../support/programs.js';
import { shareCluster } from '../support/shared-cluster.js';

const shared = shareCluster();

const large = '[[large 400KB]]';

async function start(args: readonly string[], stdout: 'pipe' | number = 'pipe') {
  const { cluster } = shared();
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', stdout, 'pipe'],
    env: { ...cluster.env, HEARTH_HOME: await cluster.folder() },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const code = once(child, 'close').then(([exitCode]) => exitCode as number | null);
  return { stdout: child.stdout as Readable, code, stderr: text(child.stderr as Readable) };
}

/** Runs a command for a new session. Its reader begins when the turn is committed, so all that is left to do is to write. */
async function readLate(program: string, args: readonly string[], option: string): Promise<string> {
  const session = shared().producer.session(randomUUID());
  const { stdout, code } = await start([program, ...args, option, session.sessionId, large]);
  await eventually(async () => (await session.turns())[0]?.result !== undefined);
  const output = await text(stdout);
  expect(await code).toBe(0);
  await session.close();
  return output;
}

test('prints an answer of 400 KB whole to a reader that begins late', async () => {
  const file = join(await shared().cluster.folder(), 'answer');
  const toFile = await start([hearthProgram, 'ask', large], openSync(file, 'w'));
  expect(await toFile.code).toBe(0);
  const whole = await readFile(file, 'utf8');
  expect(whole).toHaveLength(400 * 1024 + 1);
  // A boolean, because a report of the difference would be as long as the answer.
  expect((await readLate(hearthProgram, ['ask'], '--session')) === whole).toBe(true);
  expect((await readLate(dropIn, ['-p'], '--session-id')) === whole).toBe(true);
  const stream = ['-p', '--output-format', 'stream-json', '--verbose'];
  const lines = (await readLate(dropIn, stream, '--session-id')).trimEnd().split('\n');
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ type: 'result', result: whole.trimEnd() });
});

test('a reader that leaves is no error', async () => {
  const ask = await start([hearthProgram, 'ask', '--json', large]);
  await once(ask.stdout, 'readable');
  ask.stdout.destroy();
  expect(await ask.code).toBe(0);
  const call = await start([dropIn, '-p', large]);
  await once(call.stdout, 'readable');
  call.stdout.destroy();
  expect(await call.code).toBe(0);
  expect(await call.stderr).toBe('');
});

test('exits with 1 and the reason when stdout cannot be written', async () => {
  for (const args of [
    [hearthProgram, 'workers'],
    [dropIn, '-p', 'hello'],
  ]) {
    const { code, stderr } = await start(args, openSync('/dev/full', 'w'));
    expect(await code).toBe(1);
    expect(await stderr).toMatch(/standard output cannot be written: ENOSPC/);
  }
});
