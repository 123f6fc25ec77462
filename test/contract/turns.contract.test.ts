import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { blocks, CliProcess, kinds, mirrored, record, toolResults } from './cli-process.js';
import { describeEachClaude } from './subjects.js';

describeEachClaude(({ subject, start, shared, abilities }) => {
  describe('control requests', () => {
    test('are answered, each by its id; an unknown one with an error', async () => {
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

  test('says what it has cost in mid-turn', async () => {
    const cli = await shared({ flags: ['--allowedTools', 'Bash'] });
    const cost = async (): Promise<number> => {
      const { text } = record((await cli.ask({ subtype: 'get_session_cost' }))['response']);
      return Number(/\$(\d+\.\d+)/.exec(String(text))?.[1]);
    };
    const before = await cost();
    cli.prompt(`[[tool Bash {"command":"cat"}]] go`);
    await cli.line(({ type }) => type === 'assistant');
    await expect.poll(cost).toBeGreaterThan(before);
    await cli.ask({ subtype: 'interrupt' });
    await cli.result();
  });

  describe('a spare', () => {
    test('refuses a prompt before its claim, and a missing folder, and can be claimed once', async ({ skip }) => {
      if (!abilities().parks) skip('this version cannot be parked');
      const cli = await start({ flags: ['--await-claim'] });
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
    test('is reported in order: init, the events around the blocks, the transcript, the result', async () => {
      const cli = await shared();
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

    test('streams a tool input and withheld thinking in pieces', async () => {
      const cli = await shared();
      const { said } = await cli.turn('[[stream chunks=3]] [[thinking]] [[tool Bash {"command":"echo a b"}]]');
      const pieces = said.map((line) => record(record(record(line['event'])['delta'])).type);
      for (const type of ['thinking_delta', 'input_json_delta'])
        expect(pieces.filter((piece) => piece === type)).toHaveLength(3);
    });

    test('has its entries mirrored before its result, and in the file', async () => {
      const cli = await shared();
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

    test('counts cost, tokens and the API’s time over the life of the process', async () => {
      const cli = await shared();
      const totals = [(await cli.turn('one')).result, (await cli.turn('two')).result].map((result) => {
        const [model] = Object.values(record(result['modelUsage']));
        const [cost, apiMs] = [Number(result['total_cost_usd']), Number(result['duration_api_ms'])];
        return { cost, apiMs, output: Number(record(model)['outputTokens']) };
      });
      expect(totals[0]?.cost).toBeGreaterThan(0);
      expect(totals[1]?.cost).toBeGreaterThan(totals[0]?.cost ?? 0);
      expect(totals[1]?.output).toBeGreaterThan(totals[0]?.output ?? 0);
      // A result that is printed twice differs from the next one by this.
      expect(totals[1]?.apiMs).toBeGreaterThan(totals[0]?.apiMs ?? 0);
    });

    test('remembers earlier turns', async () => {
      const cli = await shared();
      expect((await cli.turn('Remember the number 41.')).result['result']).toContain('41');
      expect((await cli.turn('What number did I ask you to remember?')).result['result']).toContain('number 41');
    });

    test('of two that were written together follows the other', async () => {
      const cli = await shared();
      cli.prompt('[[stream chunks=3 every=30ms]] first of the two');
      cli.prompt('second');
      const second = await cli.line((line) => line.type === 'result' && line['result'] === 'Echo: second');
      const results = cli.lines.filter(({ type }) => type === 'result').map((line) => line['result']);
      expect(results).toEqual(['Echo: first of the two', second['result']]);
    });

    test('reports an overloaded API while it retries', async () => {
      const cli = await shared();
      const { said, result } = await cli.turn('[[error 529 times=1]] patience');
      expect(said).toContainEqual(
        expect.objectContaining({ subtype: 'api_retry', attempt: 1, error_status: 529, error: 'overloaded' }),
      );
      expect(result).toMatchObject({ is_error: false, result: 'Echo: patience' });
    });

    test('that the API refuses is a success by its subtype alone', async () => {
      const cli = await shared();
      const { said, result } = await cli.turn('[[error 400]] no');
      expect(result).toMatchObject({
        subtype: 'success',
        is_error: true,
        terminal_reason: abilities().reasonOfApiError,
        api_error_status: 400,
        result: 'API Error: 400 Simulated error 400',
      });
      expect(said.find(({ type }) => type === 'assistant')).toMatchObject({ message: { model: '<synthetic>' } });
      const unnamed = await cli.turn('[[error 404]] no');
      expect(unnamed.said.find(({ type }) => type === 'assistant')).toMatchObject({ error: 'model_not_found' });
      expect((await cli.turn('and now')).result).toMatchObject({ is_error: false, result: 'Echo: and now' });
    });
  });
});
