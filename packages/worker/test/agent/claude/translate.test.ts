import { describe, expect, test } from 'vitest';
import { Translator } from '../../../src/agent/claude/translate.js';
import { parseLine } from '../../../src/agent/claude/wire.js';
import type { AgentEvent } from '../../../src/agent/driver.js';

/** Lines as Claude Code 2.1.329 prints them, shortened. */
const say = (event: object, parent: string | null = null): object => ({
  type: 'stream_event',
  event,
  parent_tool_use_id: parent,
});
const block = (id: string, content: object, uuid = `u-${id}`): object => ({
  type: 'assistant',
  uuid,
  parent_tool_use_id: null,
  message: { id, role: 'assistant', content: [content] },
});
const result = (more: object = {}): object => ({
  type: 'result',
  subtype: 'success',
  is_error: false,
  result: 'done',
  terminal_reason: 'completed',
  total_cost_usd: 0.5,
  modelUsage: { m: { inputTokens: 10, outputTokens: 5, cacheReadInputTokens: 1, cacheCreationInputTokens: 2 } },
  ...more,
});

function translate(...lines: object[]): AgentEvent[] {
  const events: AgentEvent[] = [];
  const translator = new Translator((event) => events.push(event));
  for (const line of lines) {
    const parsed = parseLine(JSON.stringify(line));
    if (parsed.kind === 'line') translator.line(parsed.line);
  }
  return events;
}
const kinds = (events: readonly AgentEvent[]): string[] => events.map(({ kind }) => kind);

describe('the translator', () => {
  test('joins the lines of one message, and makes deltas from stream events only', () => {
    const events = translate(
      say({ type: 'message_start', message: { id: 'm1' } }),
      say({ type: 'content_block_delta', delta: { type: 'thinking_delta', thinking: 'hm' } }),
      block('m1', { type: 'thinking', thinking: 'hm' }),
      say({ type: 'content_block_delta', delta: { type: 'text_delta', text: 'he' } }),
      say({ type: 'content_block_delta', delta: { type: 'text_delta', text: 'llo' } }),
      block('m1', { type: 'text', text: 'hello' }),
      say({ type: 'message_stop' }),
      result(),
    );
    expect(kinds(events)).toEqual(['delta', 'delta', 'delta', 'message', 'result']);
    expect(events[3]).toMatchObject({
      message: { messageId: 'm1', content: [{ type: 'thinking' }, { type: 'text', text: 'hello' }] },
    });
    expect(events[4]).toMatchObject({ ok: true, lastEntryId: 'u-m1', reason: 'completed' });
  });

  test('completes a message that never stopped when the next one begins, or the turn ends', () => {
    const events = translate(
      block('m1', { type: 'text', text: 'cut' }),
      block('m2', { type: 'text', text: 'API down' }),
      result({ is_error: true }),
    );
    expect(kinds(events)).toEqual(['message', 'message', 'result']);
    expect(events[2]).toMatchObject({ ok: false });
  });

  test('counts cost and tokens per prompt', () => {
    const grown = { m: { inputTokens: 30, outputTokens: 6 }, other: { inputTokens: 1, outputTokens: 1 } };
    const [, second] = translate(result(), result({ total_cost_usd: 0.75, modelUsage: grown }));
    expect(second).toMatchObject({ costUsd: 0.25, tokens: { input: 21, output: 2 } });
  });

  test('never reports a negative cost when the CLI counts from zero again', () => {
    const cleared = result({ total_cost_usd: 0, modelUsage: {} });
    const [, second, third] = translate(result(), cleared, result({ total_cost_usd: 0.25 }));
    expect(second).toMatchObject({ costUsd: 0, tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 } });
    expect(third).toMatchObject({ costUsd: 0.25, tokens: { input: 10, output: 5 } });
  });

  test('reports the conversation that continues after a result', () => {
    const failed = result({ session_id: 'unknown', is_error: true });
    const events = translate(failed, result({ session_id: 'one' }), result({ session_id: 'two' }), failed);
    expect(events.map((event) => 'claudeSessionId' in event && event.claudeSessionId)).toEqual([
      undefined,
      'one',
      'two',
      'two',
    ]);
  });

  test('summarises a tool result in one line', () => {
    const user = (content: unknown, error = false): object => ({
      type: 'user',
      message: { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content, is_error: error }] },
    });
    expect(translate(user('\n  first  \nsecond'))).toMatchObject([
      { kind: 'tool_ended', toolUseId: 't1', ok: true, summary: 'first' },
    ]);
    expect(translate(user([{ type: 'text', text: 'x'.repeat(500) }], true))).toMatchObject([
      { ok: false, summary: `${'x'.repeat(159)}…` },
    ]);
  });

  test('reports retries, and gates and permissions with their ids', () => {
    const retry = {
      type: 'system',
      subtype: 'api_retry',
      attempt: 1,
      retry_delay_ms: 533,
      error_status: 529,
      error: 'overloaded',
    };
    const input = {
      tool_name: 'Bash',
      tool_use_id: 't1',
      tool_input: { command: 'ls' },
      hook_event_name: 'PreToolUse',
    };
    const gate = {
      type: 'control_request',
      request_id: 'r1',
      request: { subtype: 'hook_callback', callback_id: 'hearth-tool-gate', input },
    };
    const ask = {
      type: 'control_request',
      request_id: 'r2',
      request: { subtype: 'can_use_tool', tool_name: 'Bash', input: {}, tool_use_id: 't1' },
    };
    expect(translate(retry, gate, ask, { type: 'control_cancel_request', request_id: 'r2' })).toMatchObject([
      { kind: 'retry', attempt: 1, delayMs: 533, reason: '529 overloaded' },
      { kind: 'gate', requestId: 'r1', toolUseId: 't1', name: 'Bash', input: { command: 'ls' } },
      { kind: 'permission', requestId: 'r2', toolUseId: 't1', name: 'Bash' },
      { kind: 'permission_withdrawn', requestId: 'r2' },
    ]);
  });

  describe('of a prompt that the model API refused', () => {
    const refused = (error: string, status: number | undefined, isError = true): object[] => [
      { ...block('m1', { type: 'text', text: 'refused' }), error },
      result({ is_error: isError, api_error_status: status, terminal_reason: 'api_error' }),
    ];
    const limit = (info: object): object => ({ type: 'rate_limit_event', rate_limit_info: info });
    const rejected = limit({ status: 'rejected', resetsAt: 1_796_054_400, rateLimitType: 'five_hour' });
    const reached = { kind: 'limit', retryAt: 1_796_054_400_000 };

    // As Claude Code 2.1.332 prints them.
    test.each([
      ['a usage limit', [rejected, ...refused('rate_limit', 429)], reached],
      ['a usage limit whose result is a success', [rejected, ...refused('rate_limit', undefined, false)], reached],
      ['a rate limit', refused('rate_limit', 429), { kind: 'rate_limit' }],
      [
        'a rate limit of a subscription',
        [limit({ status: 'rejected', isUsingOverage: false }), ...refused('rate_limit', 429)],
        { kind: 'rate_limit' },
      ],
      ['an expired login', refused('authentication_failed', 401), { kind: 'login' }],
      ['a login of a forbidden kind', refused('oauth_org_not_allowed', 403), { kind: 'login' }],
      ['no credit', refused('billing_error', 400), { kind: 'credit' }],
      ['no payment', refused('unknown', 402), { kind: 'credit' }],
      ['a model that does not exist', refused('model_not_found', 404), { kind: 'model' }],
      ['an error without a name', refused('unknown', 401), { kind: 'login' }],
      ['an image that cannot be fetched', refused('invalid_request', 400), { kind: 'content' }],
      ['a request that is too large', refused('unknown', 413), { kind: 'content' }],
    ])('reports %s', (_what, lines, refusal) => {
      expect(translate(...lines).at(-1)).toMatchObject({ kind: 'result', ok: false, refusal });
    });

    test('reports nothing for other errors, and for an error that a later message mended', () => {
      for (const lines of [refused('unknown', 500), refused('overloaded', 529)])
        expect(translate(...lines).at(-1)).not.toHaveProperty('refusal');
      const [message = {}] = refused('rate_limit', 429);
      const mended = translate(message, block('m2', { type: 'text', text: 'done' }), result());
      expect(mended.at(-1)).toMatchObject({ ok: true });
      expect(mended.at(-1)).not.toHaveProperty('refusal');
    });
  });

  test('tells of an MCP server that failed, once', () => {
    const init = (status: string): object => ({
      type: 'system',
      subtype: 'init',
      mcp_servers: [{ name: 'x', status }],
    });
    const events = translate(init('pending'), init('failed'), init('failed'), init('connected'), init('needs-auth'));
    expect(events).toMatchObject([
      { kind: 'notice', code: 'mcp_server_failed', message: expect.stringContaining('"x" is not available (failed)') },
      { kind: 'notice', code: 'mcp_server_failed', message: expect.stringContaining('(needs-auth)') },
    ]);
  });

  test('tells of hooks that fail, stop a prompt or end a turn', () => {
    const response = { type: 'system', subtype: 'hook_response', hook_name: 'SessionStart:startup', stderr: 'broke\n' };
    const stopped = { type: 'system', subtype: 'informational', content: 'x'.repeat(2_000), level: 'warning' };
    const events = translate(
      { ...response, outcome: 'success' },
      { ...response, outcome: 'error' },
      { ...stopped, prevent_continuation: false },
      { ...stopped, prevent_continuation: true },
      result({ terminal_reason: 'hook_stopped' }),
    );
    expect(events).toMatchObject([
      { kind: 'notice', code: 'hook_failed', message: 'The hook SessionStart:startup failed: broke' },
      { kind: 'notice', code: 'hook_stopped', message: `${'x'.repeat(499)}…` },
      { kind: 'notice', code: 'hook_stopped', message: expect.stringContaining('hook_stopped') },
      { kind: 'result', ok: true },
    ]);
  });

  test('passes structured output on', () => {
    expect(translate(result({ structured_output: { answer: 7 } }))).toMatchObject([
      { structuredOutput: { answer: 7 } },
    ]);
    expect(translate(result())[0]).not.toHaveProperty('structuredOutput');
  });

  test('warns of a usage limit once until it resets', () => {
    const near = (more: object): object => ({
      type: 'rate_limit_event',
      rate_limit_info: { status: 'allowed_warning', rateLimitType: 'five_hour', utilization: 0.95, ...more },
    });
    const allowed = { type: 'rate_limit_event', rate_limit_info: { status: 'allowed' } };
    expect(translate(allowed, near({ resetsAt: 0 }), near({ resetsAt: 0 }), near({ resetsAt: 18_000 }))).toEqual([
      {
        kind: 'notice',
        code: 'limit_near',
        message: "The account's usage limit (five hour) is near (95 % used). It resets at 1970-01-01T00:00:00.000Z.",
      },
      expect.objectContaining({ message: expect.stringContaining('resets at 1970-01-01T05:00') }),
    ]);
  });

  test('tells the main transcript from those of sub-agents', () => {
    const mirror = (filePath: string): object => ({
      type: 'transcript_mirror',
      filePath,
      entries: [
        { type: 'assistant', uuid: 'e1', text: 'é' },
        { type: 'system', subtype: 'local_command', uuid: 'e2' },
      ],
    });
    const id = '0f8fad5b-d9cb-469f-a165-70867728950e';
    const [main, sub, resumed] = translate(
      mirror(`/c/projects/-w/${id}.jsonl`),
      mirror(`/c/projects/-w/${id}/subagents/agent-1.jsonl`),
      mirror(`/agents/a1/past/${id}/subagents/agent-1.jsonl`),
    );
    expect(main).toMatchObject({
      file: 'main',
      entryIds: ['e1', 'e2'],
      lines: '{"type":"assistant","uuid":"e1","text":"é"}\n{"type":"system","uuid":"e2","subtype":"local_command"}\n',
    });
    for (const file of [sub, resumed]) expect(file).toMatchObject({ file: `${id}/subagents/agent-1.jsonl` });
  });
});

describe('a line', () => {
  test('with half characters becomes valid', () => {
    const line = (text: string): string => `{"type":"system","subtype":"${text}","other":{"${text}":["${text}"]}}`;
    expect(parseLine(line('a\\ud83d b'))).toMatchObject({
      line: { subtype: 'a\ufffd b', other: { 'a\ufffd b': ['a\ufffd b'] } },
    });
    expect(parseLine(line('a\\uD83D\\uDE00'))).toMatchObject({ line: { subtype: 'a😀' } });
  });

  test('is unknown when its type is not used, and garbage when a used field is missing', () => {
    expect(parseLine('{"type":"keep_alive"}')).toEqual({ kind: 'unknown' });
    expect(parseLine('no json')).toEqual({ kind: 'garbage', reason: 'not JSON' });
    expect(parseLine('{"type":"result"}')).toMatchObject({
      kind: 'garbage',
      reason: expect.stringContaining('result: subtype'),
    });
  });
});

test('ignores output before the prompt has started, because the CLI gives itself turns', () => {
  const events: AgentEvent[] = [];
  const translator = new Translator((event) => events.push(event));
  const told = (...lines: object[]): void => {
    for (const line of lines) {
      const parsed = parseLine(JSON.stringify(line));
      if (parsed.kind === 'line') translator.line(parsed.line);
    }
  };
  const life = (state: string): object => ({ type: 'command_lifecycle', command_uuid: 'ours', state });
  const init = { type: 'system', subtype: 'init' };
  translator.prompted('ours');
  told(init, life('queued'), block('m0', { type: 'text', text: 'of a task that has ended' }), result());
  expect(kinds(events)).toEqual(['stray_result']);
  told(life('started'), init, block('m1', { type: 'text', text: 'hello' }), result());
  expect(kinds(events).slice(1)).toContain('result');
  expect(events.at(-1)).toMatchObject({ kind: 'result', ok: true });
  // A CLI without lifecycle lines has started the prompt with its init.
  translator.prompted('another');
  told(init, result());
  expect(events.at(-1)).toMatchObject({ kind: 'result' });
  // A tool of such a turn passes the gate, so its end must be reported too.
  const used = { type: 'tool_result', tool_use_id: 'u1', content: 'done' };
  translator.prompted('ours');
  told(init, life('queued'), { type: 'user', parent_tool_use_id: null, message: { role: 'user', content: [used] } });
  expect(events.at(-1)).toMatchObject({ kind: 'tool_ended', toolUseId: 'u1' });
});

describe('a repeated result', () => {
  const modelUsage = { m: { inputTokens: 10, outputTokens: 5 } };
  const numbers = { num_turns: 1, duration_ms: 20, duration_api_ms: 300, total_cost_usd: 0.5, modelUsage };

  test('does not end the next prompt', () => {
    const again = result({ ...numbers, result: 'another text' });
    const own = result({ ...numbers, duration_api_ms: 310 });
    expect(kinds(translate(result(numbers), again, own))).toEqual(['result', 'stray_result', 'result']);
  });

  test('is recognised only by numbers that a call of the model changes', () => {
    const twice = (more: object): string[] => kinds(translate(result(more), result(more)));
    expect(twice({ ...numbers, num_turns: 0 })).toEqual(['result', 'result']);
    expect(twice({ ...numbers, is_error: true })).toEqual(['result', 'result']);
    expect(twice({ ...numbers, duration_api_ms: undefined })).toEqual(['result', 'result']);
  });
});

test('holds every tool at the gate, also one whose hook input is incomplete', () => {
  const hook = (input: unknown): object => ({
    type: 'control_request',
    request_id: 'r1',
    request: { subtype: 'hook_callback', callback_id: 'hearth-tool-gate', input },
  });
  for (const input of [{ tool_input: { x: 1 } }, { tool_name: 7, tool_use_id: null }, 'nothing', undefined]) {
    expect(translate(hook(input))).toMatchObject([{ kind: 'gate', requestId: 'r1', toolUseId: 'r1', name: 'unknown' }]);
  }
  expect(translate(hook({ tool_name: 'Bash', tool_use_id: 't1' }))).toMatchObject([{ name: 'Bash', toolUseId: 't1' }]);
});
