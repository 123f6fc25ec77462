/** What Hearth relies on, asked of the real CLI and of the stand-in alike: the one is checked against the other. */

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type CliVersion,
  cliVersion,
  fakeClaudePath,
  type ModelApi,
  modelApiEnvironment,
  startModelApi,
} from '@hearth/simulator';
import { findClaude } from '@hearth/worker';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isRunning } from '../support/facts.js';
import {
  type Beginning,
  blocks,
  CliProcess,
  gated,
  type Line,
  mirrored,
  record,
  type Subject,
  testFolder,
  toolResults,
} from './cli-process.js';

let api: ModelApi;
beforeAll(async () => {
  api = await startModelApi();
});
afterAll(() => api.stop());

const subjects: { name: string; subject: () => Subject }[] = [
  {
    name: 'the real CLI',
    subject: () => ({ name: 'real', binary: findClaude(undefined).path, env: modelApiEnvironment(api.url) }),
  },
  { name: 'fake-claude', subject: () => ({ name: 'fake', binary: fakeClaudePath(), env: {} }) },
  // The real one of that version is asked the same when it is the first `claude` on PATH.
  {
    name: 'fake-claude as 2.1.197',
    subject: () => ({ name: 'fake', binary: fakeClaudePath(), env: { FAKE_CLAUDE_VERSION: '2.1.197' } }),
  },
];

const touch = (file: string): string => `[[tool Bash {"command":"touch ${file}"}]]`;
const kinds = (said: readonly Line[]): string[] =>
  said.map(({ type, subtype, ...line }) =>
    type === 'stream_event' ? `${record(line['event']).type}` : `${type}/${subtype ?? ''}`,
  );

describe.each(subjects)('$name', ({ subject }) => {
  const start = async (beginning: Beginning = {}, hooks: object = {}): Promise<CliProcess> => {
    const cli = await CliProcess.start(subject(), beginning);
    expect(await cli.initialise(hooks)).toMatchObject({ subtype: 'success' });
    return cli;
  };
  /** What this version of it does: the one place where versions may differ. */
  let version = '';
  beforeAll(async () => {
    const { stdout } = await promisify(execFile)(subject().binary, ['--version'], {
      env: { ...process.env, ...subject().env },
    });
    version = stdout.split(' ')[0] ?? '';
  });
  const abilities = (): CliVersion => {
    const known = cliVersion(version);
    if (known === undefined) throw new Error(`${version}: not in the table of versions`);
    return known;
  };
  const spare = async (): Promise<CliProcess> => start({ flags: ['--await-claim'] });

  describe('control requests', () => {
    test('are answered, each by its id; one that is not known with an error', async () => {
      const cli = await start();
      expect(await cli.ask({ subtype: 'set_model', model: 'claude-haiku-4-5' })).toMatchObject({ subtype: 'success' });
      expect(await cli.ask({ subtype: 'set_permission_mode', mode: 'acceptEdits' })).toMatchObject({
        subtype: 'success',
        response: { mode: 'acceptEdits' },
      });
      expect(await cli.ask({ subtype: 'set_max_thinking_tokens', max_thinking_tokens: 0 })).toMatchObject({
        subtype: 'success',
      });
      const context = record((await cli.ask({ subtype: 'get_context_usage' }))['response']);
      expect(context).toMatchObject({ totalTokens: expect.any(Number), maxTokens: expect.any(Number) });
      expect(await cli.ask({ subtype: 'mcp_status' })).toMatchObject({ response: { mcpServers: [] } });
      expect(await cli.ask({ subtype: 'get_settings' })).toMatchObject({ response: { applied: {} } });
      expect(await cli.ask({ subtype: 'get_session_cost' })).toMatchObject({
        response: { text: expect.stringContaining('$0.00') },
      });
      expect(await cli.ask({ subtype: 'interrupt' })).toMatchObject({ subtype: 'success' });
      expect(await cli.ask({ subtype: 'nonsense' })).toMatchObject({
        subtype: 'error',
        error: expect.stringContaining('nonsense'),
      });
      const { said } = await cli.turn('hello');
      expect(said[0]).toMatchObject({ model: 'claude-haiku-4-5', permissionMode: 'acceptEdits' });
    });
  });

  describe('a spare', () => {
    test('refuses a prompt before its claim, and a folder that is not there, and can be claimed once', async ({
      skip,
    }) => {
      if (!abilities().parks) skip('this version cannot be parked');
      const cli = await spare();
      const { result, said } = await cli.turn('too early');
      expect(result).toMatchObject({
        is_error: true,
        subtype: 'error_during_execution',
        num_turns: 0,
        errors: [expect.stringContaining('not_claimed')],
      });
      expect(kinds(said)).toEqual(['result/error_during_execution']);
      expect(await cli.ask({ subtype: 'claim_session', cwd: join(cli.home, 'nowhere') })).toMatchObject({
        subtype: 'error',
        error: expect.stringContaining('cwd_not_found'),
      });
      const folder = join(cli.home, 'workspace');
      await mkdir(folder);
      const claim = await cli.ask({ subtype: 'claim_session', cwd: folder });
      expect(claim).toMatchObject({ subtype: 'success', response: { session_id: cli.sessionId, cwd: folder } });
      expect(await cli.ask({ subtype: 'claim_session', cwd: folder })).toMatchObject({
        subtype: 'error',
        error: expect.stringContaining('not_a_spare'),
      });
      const first = await cli.turn('[[tool Bash {"command":"pwd"}]]');
      expect(first.said[0]).toMatchObject({ cwd: folder, session_id: cli.sessionId });
      expect(toolResults(first.said)).toEqual([expect.objectContaining({ content: folder })]);
    });
  });

  describe('a CLI that cannot be parked', () => {
    test('does not know the option', async ({ skip }) => {
      if (abilities().parks) skip('this version can be parked');
      const cli = await CliProcess.start(subject(), { flags: ['--await-claim'] });
      expect(await cli.exited).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("error: unknown option '--await-claim'"),
      });
    });
  });

  describe('a turn', () => {
    test('is told in order: init, the events around the blocks, the transcript, the result', async () => {
      const cli = await start();
      const { said, result } = await cli.turn('[[thinking hm]] [[say one two]]');
      const order = kinds(said).filter((kind) => !/thinking_tokens|transcript_mirror|status/.test(kind));
      expect(order).toEqual([
        'system/init',
        'message_start',
        'content_block_start',
        'content_block_delta',
        'content_block_delta',
        'assistant/',
        'content_block_stop',
        'content_block_start',
        'content_block_delta',
        'content_block_delta',
        'assistant/',
        'content_block_stop',
        'message_delta',
        'message_stop',
        'result/success',
      ]);
      expect(said[1]).toMatchObject({ type: 'system', subtype: 'status', status: 'requesting' });
      const [thinking, text] = said.filter(({ type }) => type === 'assistant');
      expect([thinking, text].map((line) => blocks(line ?? {}).map(({ type }) => type))).toEqual([
        ['thinking'],
        ['text'],
      ]);
      expect(record(thinking?.['message'])['id']).toBe(record(text?.['message'])['id']);
      expect(said.every((line) => line.type === 'transcript_mirror' || line['session_id'] === cli.sessionId)).toBe(
        true,
      );
      expect(result).toMatchObject({
        is_error: false,
        result: 'one two',
        num_turns: 1,
        terminal_reason: 'completed',
        permission_denials: [],
        duration_ms: expect.any(Number),
        usage: { input_tokens: expect.any(Number), output_tokens: expect.any(Number) },
      });
    });

    test('has its entries mirrored before its result, and in the file', async () => {
      const cli = await start();
      const { said } = await cli.turn('remember this');
      const entries = mirrored(said);
      const assistants = said.filter(({ type }) => type === 'assistant');
      expect(assistants.length).toBeGreaterThan(0);
      for (const { uuid } of assistants)
        expect(entries).toContainEqual(expect.objectContaining({ type: 'assistant', uuid, sessionId: cli.sessionId }));
      const prompt = entries.find(({ type }) => type === 'user');
      expect(prompt).toMatchObject({ message: { role: 'user', content: 'remember this' }, cwd: cli.cwd });
      const files = said.filter(({ type }) => type === 'transcript_mirror').map((line) => line['filePath']);
      const project = cli.cwd.replace(/[^a-zA-Z0-9]/g, '-');
      expect(new Set(files)).toEqual(
        new Set([join(cli.home, 'config', 'projects', project, `${cli.sessionId}.jsonl`)]),
      );
      expect(await readFile(String(files[0]), 'utf8')).toContain('"content":"remember this"');
    });

    test('counts cost and tokens over the life of the process', async () => {
      const cli = await start();
      const totals = [(await cli.turn('one')).result, (await cli.turn('two')).result].map((result) => {
        const [model] = Object.values(record(result['modelUsage']));
        return { cost: Number(result['total_cost_usd']), output: Number(record(model)['outputTokens']) };
      });
      expect(totals[0]?.cost).toBeGreaterThan(0);
      expect(totals[1]?.cost).toBeGreaterThan(totals[0]?.cost ?? 0);
      expect(totals[1]?.output).toBeGreaterThan(totals[0]?.output ?? 0);
    });

    test('remembers what was said in turns before', async () => {
      const cli = await start();
      expect((await cli.turn('Remember the number 41.')).result['result']).toContain('41');
      expect((await cli.turn('What number did I ask you to remember?')).result['result']).toContain('number 41');
    });

    test('of two that were written at once come one after the other', async () => {
      const cli = await start();
      cli.prompt('[[stream chunks=3 every=30ms]] first of the two');
      cli.prompt('second');
      const second = await cli.line((line) => line.type === 'result' && line['result'] === 'Echo: second');
      const results = cli.lines.filter(({ type }) => type === 'result').map((line) => line['result']);
      expect(results).toEqual(['Echo: first of the two', second['result']]);
    });

    test('tells of an overloaded API while it tries again', async () => {
      const cli = await start();
      const { said, result } = await cli.turn('[[error 529 times=1]] patience');
      expect(said).toContainEqual(
        expect.objectContaining({ subtype: 'api_retry', attempt: 1, error_status: 529, error: 'overloaded' }),
      );
      expect(result).toMatchObject({ is_error: false, result: 'Echo: patience' });
    });

    test('that the API refuses is a success by its subtype alone', async () => {
      const cli = await start();
      const { said, result } = await cli.turn('[[error 400]] no');
      expect(result).toMatchObject({
        subtype: 'success',
        is_error: true,
        terminal_reason: abilities().reasonOfApiError,
        result: 'API Error: 400 Simulated error 400',
      });
      expect(said.find(({ type }) => type === 'assistant')).toMatchObject({ message: { model: '<synthetic>' } });
      expect((await cli.turn('and now')).result).toMatchObject({ is_error: false, result: 'Echo: and now' });
    });
  });

  describe('a tool', () => {
    test('does its work, and says what came of it', async () => {
      const cli = await start({ flags: ['--allowedTools', 'Write,Bash'] });
      const file = join(cli.cwd, 'note.txt');
      const { said, result } = await cli.turn(
        `[[tool Write {"file_path":"${file}","content":"kept"}]] [[tool Read {"file_path":"${file}"}]] [[tool Bash {"command":"exit 3"}]] [[tool Nope {"a":1}]]`,
      );
      const results = toolResults(said);
      expect(results.map((block) => block['is_error'] === true)).toEqual([false, false, true, true]);
      expect(await readFile(file, 'utf8')).toBe('kept');
      expect(results[1]?.['content']).toContain('kept');
      expect(results[2]?.['content']).toContain('Exit code 3');
      expect(results[3]?.['content']).toContain('No such tool available: Nope');
      const lines = said.filter(({ type }) => type === 'user');
      expect(lines.every((line) => line['tool_use_result'] !== undefined)).toBe(true);
      expect(mirrored(said)).toEqual(
        expect.arrayContaining(lines.map(({ uuid }) => expect.objectContaining({ type: 'user', uuid }))),
      );
      expect(result).toMatchObject({ num_turns: 5, is_error: false });
    });

    test('the gate allows goes on to the permission; one it denies is not run', async () => {
      const cli = await start({}, gated);
      cli.prompt(touch('allowed'));
      const gate = await cli.asks('hook_callback');
      expect(gate['request']).toMatchObject({
        callback_id: 'gate',
        input: {
          hook_event_name: 'PreToolUse',
          tool_name: 'Bash',
          tool_input: { command: 'touch allowed' },
          tool_use_id: expect.any(String),
          session_id: cli.sessionId,
          cwd: cli.cwd,
        },
      });
      expect(cli.lines.some((line) => record(line['request'])['subtype'] === 'can_use_tool')).toBe(false);
      cli.answer(gate, {});
      const permission = await cli.asks('can_use_tool');
      cli.answer(permission, { behavior: 'allow', updatedInput: record(permission['request'])['input'] });
      expect(await cli.result()).toMatchObject({ is_error: false, permission_denials: [] });
      expect(existsSync(join(cli.cwd, 'allowed'))).toBe(true);

      const from = cli.lines.length;
      cli.prompt(touch('denied'));
      cli.answer(await cli.asks('hook_callback', from), {
        hookSpecificOutput: {
          hookEventName: 'PreToolUse',
          permissionDecision: 'deny',
          permissionDecisionReason: 'the gate is shut',
        },
      });
      const result = await cli.result(from);
      expect(toolResults(cli.lines.slice(from))).toEqual([
        expect.objectContaining({ is_error: true, content: expect.stringContaining('the gate is shut') }),
      ]);
      expect(result).toMatchObject({ is_error: false, permission_denials: [{ tool_name: 'Bash' }] });
      expect(existsSync(join(cli.cwd, 'denied'))).toBe(false);
    });

    test('runs when the gate answers with an error, and is asked about though it is allowed in advance', async () => {
      const cli = await start({ flags: ['--allowedTools', 'Bash'] }, gated);
      cli.prompt(touch('anyway'));
      cli.answerWithError(await cli.asks('hook_callback'), 'the gate is broken');
      expect(await cli.result()).toMatchObject({ is_error: false });
      expect(existsSync(join(cli.cwd, 'anyway'))).toBe(true);
    });

    test('nobody permits is not run, and listed', async () => {
      const cli = await start();
      cli.prompt(touch('unwanted'));
      const asked = await cli.asks('can_use_tool');
      expect(asked['request']).toMatchObject({ tool_name: 'Bash', input: { command: 'touch unwanted' } });
      cli.answer(asked, { behavior: 'deny', message: 'not today' });
      const result = await cli.result();
      expect(toolResults(cli.lines)).toEqual([expect.objectContaining({ is_error: true, content: 'not today' })]);
      expect(result).toMatchObject({
        permission_denials: [{ tool_name: 'Bash', tool_input: { command: 'touch unwanted' } }],
        is_error: false,
      });
      expect(existsSync(join(cli.cwd, 'unwanted'))).toBe(false);
    });

    test('is run with the input its permission gives it', async () => {
      const cli = await start();
      cli.prompt(touch('asked'));
      cli.answer(await cli.asks('can_use_tool'), {
        behavior: 'allow',
        updatedInput: { command: 'touch given' },
      });
      await cli.result();
      expect([existsSync(join(cli.cwd, 'asked')), existsSync(join(cli.cwd, 'given'))]).toEqual([false, true]);
    });

    test('is a question, too: its answers come in its input', async () => {
      const cli = await start({ flags: ['--allowedTools', 'AskUserQuestion'] });
      const options = [
        { label: 'A', description: 'a' },
        { label: 'B', description: 'b' },
      ];
      const questions = [{ question: 'Which?', header: 'One', multiSelect: false, options }];
      cli.prompt(`[[tool AskUserQuestion ${JSON.stringify({ questions })}]]`);
      const asked = await cli.asks('can_use_tool');
      const input = record(record(asked['request'])['input']);
      cli.answer(asked, { behavior: 'allow', updatedInput: { ...input, answers: { 'Which?': 'B' } } });
      expect((await cli.result())['result']).toContain('"Which?"="B"');
    });

    test('that is refused for good ends the turn', async () => {
      const cli = await start();
      cli.prompt(touch('never'));
      cli.answer(await cli.asks('can_use_tool'), { behavior: 'deny', message: 'stop it', interrupt: true });
      expect(await cli.result()).toMatchObject({
        subtype: 'error_during_execution',
        is_error: true,
        terminal_reason: 'aborted_tools',
        permission_denials: [{ tool_name: 'Bash' }],
      });
      expect((await cli.turn('go on')).result).toMatchObject({ is_error: false, result: 'Echo: go on' });
    });
  });

  describe('tools of one message', () => {
    /** Two files that are not in the session's folder: reading them needs a permission. */
    const twoFiles = async (): Promise<string[]> => {
      const folder = await testFolder();
      const files = ['a', 'b'].map((name) => join(folder, name));
      for (const file of files) await writeFile(file, `text of ${file}`);
      return files;
    };
    const parallel = (...tools: string[]): string => `[[parallel]] ${tools.join(' ')}`;
    const read = (file: string): string => `[[tool Read {"file_path":"${file}"}]]`;
    const isAsked = (subtype: string, file: string) => (line: Line) => {
      const request = record(line['request']);
      const input = subtype === 'can_use_tool' ? request['input'] : record(request['input'])['tool_input'];
      return request['subtype'] === subtype && record(input)['file_path'] === file;
    };
    const allow = (cli: CliProcess, asked: Line): void =>
      cli.answer(asked, { behavior: 'allow', updatedInput: record(record(asked['request'])['input']) });

    test('that only read are asked about at once; each goes on when it is answered', async () => {
      const cli = await start({}, gated);
      const files = await twoFiles();
      cli.prompt(parallel(...files.map(read)));
      const gates = await Promise.all(files.map((file) => cli.line(isAsked('hook_callback', file))));
      for (const gate of gates) cli.answer(gate, {});
      const [first, second] = await Promise.all(files.map((file) => cli.line(isAsked('can_use_tool', file))));
      allow(cli, second ?? {});
      await cli.line((line) => toolResults([line]).length > 0);
      allow(cli, first ?? {});
      expect(await cli.result()).toMatchObject({ is_error: false });
      expect(toolResults(cli.lines)).toMatchObject(
        files.toReversed().map((file) => ({ content: expect.stringContaining(`text of ${file}`) })),
      );
    });

    test('that may change something come one after the other', async () => {
      const cli = await start();
      cli.prompt(parallel(touch('one'), touch('two')));
      const asks = (command: string) =>
        cli.line(({ request }) => {
          const { subtype, input } = record(request);
          return subtype === 'can_use_tool' && record(input)['command'] === command;
        });
      allow(cli, await asks('touch one'));
      const next = await asks('touch two');
      // By then the first has done its work, told or about to be.
      expect(existsSync(join(cli.cwd, 'one'))).toBe(true);
      allow(cli, next);
      await cli.result();
      expect(existsSync(join(cli.cwd, 'two'))).toBe(true);
    });

    test('are all over when one of them is refused for good, or the turn is interrupted', async () => {
      const cli = await start();
      const files = await twoFiles();
      for (const how of ['refused', 'interrupted']) {
        const from = cli.lines.length;
        cli.prompt(parallel(...files.map(read), touch('three')));
        const asked = await Promise.all(files.map((file) => cli.line(isAsked('can_use_tool', file), from)));
        if (how === 'refused') cli.answer(asked[1] ?? {}, { behavior: 'deny', message: 'stop it', interrupt: true });
        else await cli.ask({ subtype: 'interrupt' });
        expect(await cli.result(from)).toMatchObject({ is_error: true, terminal_reason: 'aborted_tools' });
        const said = cli.lines.slice(from);
        const takenBack = said.filter(({ type }) => type === 'control_cancel_request');
        expect(takenBack.map((line) => line['request_id'])).toEqual(
          asked.slice(0, how === 'refused' ? 1 : 2).map((line) => line['request_id']),
        );
        expect(toolResults(said).map((block) => block['is_error'])).toEqual([true, true, true]);
      }
      expect((await cli.turn('go on')).result).toMatchObject({ is_error: false, result: 'Echo: go on' });
    });
  });

  describe('an interrupt', () => {
    test('ends a turn that is being said; the next prompt is answered', async () => {
      const cli = await start();
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
      const cli = await start();
      cli.prompt('[[hang]]');
      await cli.line(({ subtype }) => subtype === 'status');
      await cli.ask({ subtype: 'interrupt' });
      expect(await cli.result()).toMatchObject({ is_error: true, terminal_reason: 'aborted_streaming' });
    });

    test('takes back what is asked', async () => {
      const cli = await start({}, gated);
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

    test('ends a tool at work', async () => {
      const cli = await start({ flags: ['--allowedTools', 'Bash'] });
      cli.prompt('[[tool Bash {"command":"touch begun; sleep 30; touch ended"}]]');
      await expect.poll(() => existsSync(join(cli.cwd, 'begun')), { timeout: 10_000 }).toBe(true);
      await cli.ask({ subtype: 'interrupt' });
      const result = await cli.result();
      expect(result).toMatchObject({ is_error: true, terminal_reason: 'aborted_tools' });
      expect(toolResults(cli.lines)).toEqual([expect.objectContaining({ is_error: true })]);
      expect((await cli.turn('and on')).result).toMatchObject({ result: 'Echo: and on' });
    });
  });

  describe('a session', () => {
    test('goes on from its transcript alone, elsewhere, under the same id', async () => {
      const before = await start();
      const { said } = await before.turn('Remember the number 29.');
      before.child.kill('SIGKILL');
      await before.exited;
      const home = await testFolder();
      const file = join(home, `${before.sessionId}.jsonl`);
      await writeFile(
        file,
        mirrored(said)
          .map((entry) => `${JSON.stringify(entry)}\n`)
          .join(''),
      );
      const after = await start({ home, resume: file });
      const { result, said: saidAfter } = await after.turn('What number did I ask you to remember?');
      expect(result).toMatchObject({ session_id: before.sessionId, result: expect.stringContaining('number 29') });
      expect(saidAfter.find(({ type }) => type === 'transcript_mirror')).toMatchObject({ filePath: file });
      expect(await readFile(file, 'utf8')).toContain('What number did I ask you');
    });

    test('that is resumed repeats none of what it cost before', async () => {
      const before = await start();
      const { said, result } = await before.turn('one');
      const home = await testFolder();
      const file = join(home, `${before.sessionId}.jsonl`);
      await writeFile(
        file,
        mirrored(said)
          .map((entry) => `${JSON.stringify(entry)}\n`)
          .join(''),
      );
      const after = await start({ home, resume: file });
      const again = (await after.turn('two')).result;
      expect(again['result_index']).toBe(abilities().numbersResults ? 0 : undefined);
      expect(Number(again['total_cost_usd'])).toBeLessThan(2 * Number(result['total_cost_usd']));
    });

    test('that nobody knows is not resumed', async () => {
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

    test('whose id was used is not begun again', async () => {
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
    test('ends with its stdin when it is idle', async () => {
      const cli = await start();
      cli.child.stdin?.end();
      expect(await cli.exited).toEqual({ code: 0, stderr: '' });
    });

    test('finishes the turn when its stdin ends in the middle, tools included', async () => {
      const cli = await start({ flags: ['--allowedTools', 'Bash'] });
      cli.prompt('[[tool Bash {"command":"touch begun; sleep 0.5; touch ended"}]]');
      await expect.poll(() => existsSync(join(cli.cwd, 'begun')), { timeout: 10_000 }).toBe(true);
      cli.child.stdin?.end();
      expect(await cli.exited).toMatchObject({ code: 0 });
      expect(cli.lines.find(({ type }) => type === 'result')).toMatchObject({ is_error: false, num_turns: 2 });
      expect(existsSync(join(cli.cwd, 'ended'))).toBe(true);
    });

    test('whose stdin ends while the gate is asked does with the tool what its version does', async () => {
      const cli = await start({ flags: ['--allowedTools', 'Bash'] }, gated);
      cli.prompt(touch('held'));
      await cli.asks('hook_callback');
      cli.child.stdin?.end();
      expect(await cli.exited).toMatchObject({ code: 0 });
      expect(existsSync(join(cli.cwd, 'held'))).toBe(abilities().waitingHookAtInputEnd === 'runs');
    });

    test('ends on TERM without a result; the shells at work end or stay as its version has it', async () => {
      const cli = await start({ flags: ['--allowedTools', 'Bash'] });
      cli.prompt('[[tool Bash {"command":"echo $$ > begun; sleep 30; touch ended"}]]');
      await expect.poll(() => shellOf(cli), { timeout: 10_000 }).toBeGreaterThan(0);
      const shell = await shellOf(cli);
      cli.child.kill('SIGTERM');
      expect(await cli.exited).toMatchObject({ code: 143 });
      expect(cli.lines.some(({ type }) => type === 'result')).toBe(false);
      const areLeft = abilities().shellsAtTerm === 'left';
      await expect.poll(() => isRunning(shell)).toBe(areLeft);
      if (areLeft) process.kill(-shell, 'SIGKILL');
    });

    test('leaves its shells at work when it is killed with its group', async () => {
      const cli = await start({ flags: ['--allowedTools', 'Bash'] });
      cli.prompt('[[tool Bash {"command":"echo $$ > begun; sleep 30; touch ended"}]]');
      await expect.poll(() => shellOf(cli), { timeout: 10_000 }).toBeGreaterThan(0);
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

    test('does not survive a line that is not JSON', async () => {
      const cli = await start();
      cli.child.stdin?.write('not json\n');
      const { code, stderr } = await cli.exited;
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringContaining('Error parsing streaming input line'),
      });
    });

    test('does not start with an option or a mode it does not know', async () => {
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

/** The pid of the shell that runs a tool, once it has written it down. */
async function shellOf(cli: CliProcess): Promise<number> {
  return Number(await readFile(join(cli.cwd, 'begun'), 'utf8').catch(() => '0'));
}

test('the stand-in does not start in a nested session, by its environment', async () => {
  const binary = fakeClaudePath();
  const cli = await CliProcess.start({ name: 'fake', binary, env: {} }, { env: { CLAUDECODE: '1' } });
  expect(await cli.exited).toMatchObject({ code: 1, stderr: expect.stringContaining('inside another Claude Code') });
});
