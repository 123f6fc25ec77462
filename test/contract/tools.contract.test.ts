import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CliProcess, gated, type Line, mirrored, record, testFolder, toolResults } from './cli-process.js';
import { describeEachClaude } from './subjects.js';

const touch = (file: string): string => `[[tool Bash {"command":"touch ${file}"}]]`;

describeEachClaude(({ start, shared }) => {
  describe('a tool', () => {
    test('runs, and returns its result', async () => {
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

    test('that the gate allows proceeds to the permission; a denied one does not run', async () => {
      const cli = await shared({}, gated);
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

    test('runs when the gate answers with an error, and needs a permission although it is allowed in advance', async () => {
      const cli = await start({ flags: ['--allowedTools', 'Bash'] }, gated);
      cli.prompt(touch('anyway'));
      cli.answerWithError(await cli.asks('hook_callback'), 'the gate is broken');
      expect(await cli.result()).toMatchObject({ is_error: false });
      expect(existsSync(join(cli.cwd, 'anyway'))).toBe(true);
    });

    test('without a permission does not run, and is listed', async () => {
      const cli = await shared();
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

    test('runs with the input from its permission', async () => {
      const cli = await shared();
      cli.prompt(touch('asked'));
      cli.answer(await cli.asks('can_use_tool'), {
        behavior: 'allow',
        updatedInput: { command: 'touch given' },
      });
      await cli.result();
      expect([existsSync(join(cli.cwd, 'asked')), existsSync(join(cli.cwd, 'given'))]).toEqual([false, true]);
    });

    test('can be a question, whose answers come in its input', async () => {
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

    test('that is denied with an interrupt ends the turn', async () => {
      const cli = await shared();
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
    /** Two files outside of the session's folder: reading them needs a permission. */
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

    test('that only read request their permissions together; each proceeds when it is answered', async () => {
      const cli = await shared({}, gated);
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

    test('that may change data run one after the other', async () => {
      const cli = await shared();
      cli.prompt(parallel(touch('one'), touch('two')));
      const asks = (command: string) =>
        cli.line(({ request }) => {
          const { subtype, input } = record(request);
          return subtype === 'can_use_tool' && record(input)['command'] === command;
        });
      allow(cli, await asks('touch one'));
      const next = await asks('touch two');
      // By then the first one has done its work.
      expect(existsSync(join(cli.cwd, 'one'))).toBe(true);
      allow(cli, next);
      await cli.result();
      expect(existsSync(join(cli.cwd, 'two'))).toBe(true);
    });

    test('all end when one of them is denied with an interrupt, or the turn is interrupted', async () => {
      const cli = await shared();
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
});
