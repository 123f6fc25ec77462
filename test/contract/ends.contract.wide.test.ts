import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fakeClaudePath } from '@hearth/simulator';
import { describe, expect, test } from 'vitest';
import { isRunning } from '../support/facts.js';
import { CliProcess, gated, kinds, type Line, mirrored, record, testFolder, toolResults } from './cli-process.js';
import { describeEachClaude } from './subjects.js';

const touch = (file: string): string => `[[tool Bash {"command":"touch ${file}"}]]`;

describeEachClaude(({ subject, start, shared, abilities }) => {
  describe('an interrupt', () => {
    test('ends a turn that produces output; the next prompt is answered', async () => {
      const cli = await shared();
      cli.prompt(`[[stream chunks=100 every=100ms]] ${'word '.repeat(100)}`);
      await cli.line((line) => record(line['event']).type === 'content_block_delta');
      const from = cli.lines.length;
      expect(await cli.ask({ subtype: 'interrupt' })).toMatchObject({ subtype: 'success' });
      const result = await cli.result();
      expect(result).toMatchObject({
        subtype: 'error_during_execution',
        is_error: true,
        terminal_reason: 'aborted_streaming',
      });
      const said = kinds(cli.lines.slice(from, cli.lines.indexOf(result) + 1));
      expect(said.indexOf('control_response/success') < said.indexOf('result/error_during_execution')).toBe(true);
      expect((await cli.turn('still there?')).result).toMatchObject({ is_error: false, result: 'Echo: still there?' });
    });

    test('ends a turn whose model does not answer', async () => {
      const cli = await shared();
      cli.prompt('[[hang]]');
      await cli.line(({ subtype }) => subtype === 'status');
      await cli.ask({ subtype: 'interrupt' });
      expect(await cli.result()).toMatchObject({ is_error: true, terminal_reason: 'aborted_streaming' });
    });

    test('withdraws an open request', async () => {
      const cli = await shared({}, gated);
      cli.prompt(touch('never'));
      const gate = await cli.asks('hook_callback');
      await cli.ask({ subtype: 'interrupt' });
      await cli.line((line) => line.type === 'control_cancel_request' && line['request_id'] === gate['request_id']);
      expect(await cli.result()).toMatchObject({ is_error: true, terminal_reason: 'aborted_tools' });

      const from = cli.lines.length;
      cli.prompt(touch('never'));
      cli.answer(await cli.asks('hook_callback', from), {});
      const permission = await cli.asks('can_use_tool', from);
      await cli.ask({ subtype: 'interrupt' });
      await cli.line(
        (line) => line.type === 'control_cancel_request' && line['request_id'] === permission['request_id'],
      );
      expect(await cli.result(from)).toMatchObject({ is_error: true, terminal_reason: 'aborted_tools' });
      expect(existsSync(join(cli.cwd, 'never'))).toBe(false);
    });

    test('ends a running tool', async () => {
      const cli = await start({ flags: ['--allowedTools', 'Bash'] });
      cli.prompt('[[tool Bash {"command":"touch begun; sleep 30; touch ended"}]]');
      await expect.poll(() => existsSync(join(cli.cwd, 'begun'))).toBe(true);
      await cli.ask({ subtype: 'interrupt' });
      const result = await cli.result();
      expect(result).toMatchObject({ is_error: true, terminal_reason: 'aborted_tools' });
      expect(toolResults(cli.lines)).toEqual([expect.objectContaining({ is_error: true })]);
      expect((await cli.turn('and on')).result).toMatchObject({ result: 'Echo: and on' });
    });
  });

  describe('a session', () => {
    test('continues from its transcript alone, in another home, under the same id', async () => {
      const before = await start();
      const { said } = await before.turn('Remember the number 29.');
      before.child.kill('SIGKILL');
      await before.exited;
      const { home, file } = await transcriptOf(before, said);
      const after = await start({ home, resume: file });
      const { result, said: saidAfter } = await after.turn('What number did I ask you to remember?');
      expect(result).toMatchObject({ session_id: before.sessionId, result: expect.stringContaining('number 29') });
      expect(saidAfter.find(({ type }) => type === 'transcript_mirror')).toMatchObject({ filePath: file });
      expect(await readFile(file, 'utf8')).toContain('What number did I ask you');
    });

    test('that is resumed does not count its earlier cost again', async () => {
      const before = await start();
      const { said, result } = await before.turn('one');
      const { home, file } = await transcriptOf(before, said);
      const after = await start({ home, resume: file });
      const again = (await after.turn('two')).result;
      expect(again['result_index']).toBe(abilities().numbersResults ? 0 : undefined);
      expect(Number(again['total_cost_usd'])).toBeLessThan(2 * Number(result['total_cost_usd']));
    });

    test('that was terminated while it was idle leaves its costs, and a resume counts on from them', async () => {
      const before = await start();
      const { said, result } = await before.turn('[[large 4KB]] one');
      before.child.kill('SIGTERM');
      await before.exited;
      const file = String(said.find(({ type }) => type === 'transcript_mirror')?.['filePath']);
      expect(await readFile(file, 'utf8')).toContain('"type":"cost-state"');
      const after = await start({ home: before.home, resume: file });
      const again = (await after.turn('two')).result;
      expect(Number(again['total_cost_usd'])).toBeGreaterThan(Number(result['total_cost_usd']));
    });

    test('that does not exist is not resumed', async () => {
      const id = randomUUID();
      for (const resume of [id, join(await testFolder(), `${id}.jsonl`)]) {
        const cli = await CliProcess.start(subject(), { resume });
        const { code, stderr } = await cli.exited;
        expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(`No conversation found`) });
        expect(cli.lines.find(({ type }) => type === 'result')).toMatchObject({
          is_error: true,
          errors: [expect.stringContaining('No conversation found with session ID')],
        });
      }
    });

    test('whose id was used is not started again', async () => {
      const first = await start();
      await first.turn('mine');
      first.child.stdin?.end();
      await first.exited;
      const second = await CliProcess.start(subject(), {
        home: first.home,
        cwd: first.cwd,
        sessionId: first.sessionId,
      });
      const { code, stderr } = await second.exited;
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('is already in use') });
      expect(second.lines).toEqual([]);
    });
  });

  describe('the process', () => {
    test('ends with its stdin while it is idle', async () => {
      const cli = await start();
      cli.child.stdin?.end();
      expect(await cli.exited).toEqual({ code: 0, stderr: '' });
    });

    test('finishes the turn when its stdin ends in mid-turn, tools included', async () => {
      const cli = await start({ flags: ['--allowedTools', 'Bash'] });
      cli.prompt('[[tool Bash {"command":"touch begun; sleep 0.5; touch ended"}]]');
      await expect.poll(() => existsSync(join(cli.cwd, 'begun'))).toBe(true);
      cli.child.stdin?.end();
      expect(await cli.exited).toMatchObject({ code: 0 });
      expect(cli.lines.find(({ type }) => type === 'result')).toMatchObject({ is_error: false, num_turns: 2 });
      expect(existsSync(join(cli.cwd, 'ended'))).toBe(true);
    });

    test('whose stdin ends during a question of the gate treats the tool as its version does', async () => {
      const cli = await start({ flags: ['--allowedTools', 'Bash'] }, gated);
      cli.prompt(touch('held'));
      await cli.asks('hook_callback');
      cli.child.stdin?.end();
      expect(await cli.exited).toMatchObject({ code: 0 });
      expect(existsSync(join(cli.cwd, 'held'))).toBe(abilities().waitingHookAtInputEnd === 'runs');
    });

    test('ends on TERM without a result; its shells end or continue, depending on the version', async () => {
      const cli = await start({ flags: ['--allowedTools', 'Bash'] });
      cli.prompt('[[tool Bash {"command":"echo $$ > begun; sleep 30; touch ended"}]]');
      await expect.poll(() => shellOf(cli)).toBeGreaterThan(0);
      const shell = await shellOf(cli);
      cli.child.kill('SIGTERM');
      expect(await cli.exited).toMatchObject({ code: 143 });
      expect(cli.lines.some(({ type }) => type === 'result')).toBe(false);
      const areLeft = abilities().shellsAtTerm === 'left';
      await expect.poll(() => isRunning(shell)).toBe(areLeft);
      if (areLeft) process.kill(-shell, 'SIGKILL');
    });

    test('leaves its shells running when it is killed with its group', async () => {
      const cli = await start({ flags: ['--allowedTools', 'Bash'] });
      cli.prompt('[[tool Bash {"command":"echo $$ > begun; sleep 30; touch ended"}]]');
      await expect.poll(() => shellOf(cli)).toBeGreaterThan(0);
      const shell = await shellOf(cli);
      process.kill(-(cli.child.pid ?? 0), 'SIGKILL');
      await once(cli.child, 'exit');
      try {
        expect(await isRunning(shell)).toBe(true);
      } finally {
        process.kill(-shell, 'SIGKILL');
      }
      await expect.poll(() => isRunning(shell)).toBe(false);
    });

    test('ends on a line that is not JSON', async () => {
      const cli = await start();
      cli.child.stdin?.write('not json\n');
      const { code, stderr } = await cli.exited;
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringContaining('Error parsing streaming input line'),
      });
    });

    test('does not start with an unknown option or mode', async () => {
      const option = await CliProcess.start(subject(), { flags: ['--no-such-option'] });
      expect(await option.exited).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("error: unknown option '--no-such-option'"),
      });
      const mode = await CliProcess.start(subject(), { flags: ['--permission-mode', 'nonsense'] });
      expect(await mode.exited).toMatchObject({ code: 1, stderr: expect.stringContaining("'nonsense' is invalid") });
    });
  });
});

/** The mirrored entries, as a transcript file in a home of its own. */
async function transcriptOf({ sessionId }: CliProcess, said: readonly Line[]): Promise<{ home: string; file: string }> {
  const home = await testFolder();
  const file = join(home, `${sessionId}.jsonl`);
  const lines = mirrored(said).map((entry) => `${JSON.stringify(entry)}\n`);
  await writeFile(file, lines.join(''));
  return { home, file };
}

/** The pid of the shell that runs a tool, as soon as the shell has written it. */
async function shellOf(cli: CliProcess): Promise<number> {
  return Number(await readFile(join(cli.cwd, 'begun'), 'utf8').catch(() => '0'));
}

test('fake-claude does not start in a nested session, by its environment', async () => {
  const binary = fakeClaudePath();
  const cli = await CliProcess.start({ name: 'fake', binary, env: {} }, { env: { CLAUDECODE: '1' } });
  expect(await cli.exited).toMatchObject({ code: 1, stderr: expect.stringContaining('inside another Claude Code') });
});
