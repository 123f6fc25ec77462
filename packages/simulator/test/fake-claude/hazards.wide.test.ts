import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { parseScript } from '../../src/fake-claude/hazards.js';
import { parseDirectives } from '../../src/model-api/directives.js';
import {
  blocks,
  gated,
  type Line,
  mirrored,
  raw,
  record,
  results,
  started,
  testFolder,
  toolResults,
} from './support.js';

/** Long enough for an unwanted event to happen. */
const aWhile = 300;

const command = (text: string): string => `[[tool Bash ${JSON.stringify({ command: text })}]]`;
const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('hazards of a result', () => {
  test('it never comes; the process lives', async () => {
    const cli = await started();
    cli.prompt('[[no-result]] hello');
    await cli.line(({ type }) => type === 'assistant');
    await cli.ask({ subtype: 'mcp_status' });
    expect(results(cli)).toEqual([]);
    expect((await cli.turn('again')).result).toMatchObject({ result: 'Echo: again' });
  });

  test('a second one comes, in the next turn if it is late enough', async () => {
    const cli = await started();
    await cli.turn('[[second-result after=50ms]] first');
    cli.prompt('[[delay 200ms]] second');
    await cli.line((line) => line['result'] === 'Echo: second');
    expect(results(cli).map((line) => line['result'])).toEqual(['Echo: first', 'Echo: first', 'Echo: second']);
    expect(new Set(results(cli).map(({ uuid }) => uuid)).size).toBe(3);
  });

  test('a second one comes whole in a turn whose own is truncated', async () => {
    const cli = await started();
    await cli.turn('[[second-result after=50ms]] first');
    cli.prompt('[[delay 200ms]] [[half result]] second');
    await expect.poll(() => results(cli).length).toBe(2);
    cli.write({ type: 'control_request', request_id: 'next', request: { subtype: 'mcp_status' } });
    await cli.line(({ type }) => type === 'garbage');
    expect(results(cli).map((line) => line['result'])).toEqual(['Echo: first', 'Echo: first']);
  });

  test('that of an interrupted turn comes in the next one', async () => {
    const cli = await started();
    cli.prompt('[[hang]] [[late-result 100ms]]');
    await cli.line(({ subtype }) => subtype === 'status');
    await cli.ask({ subtype: 'interrupt' });
    cli.prompt('[[delay 300ms]] next');
    await cli.line((line) => line['result'] === 'Echo: next');
    expect(results(cli).map(({ subtype }) => subtype)).toEqual(['error_during_execution', 'success']);
    const init = cli.lines.findLastIndex(({ subtype }) => subtype === 'init');
    expect(cli.lines.indexOf(results(cli)[0] ?? {})).toBeGreaterThan(init);
  });

  test('it holds only the first part of the text', async () => {
    const cli = await started();
    const { said, result } = await cli.turn('[[first-part-result]] one two three four');
    const text = blocks(said.find(({ type }) => type === 'assistant') ?? {})[0]?.['text'];
    expect(text).toBe('Echo: one two three four');
    expect(text).toContain(result['result']);
    expect(result['result']).not.toBe(text);
  });

  test('it comes before its entries, or they never come', async () => {
    const cli = await started();
    const { said } = await cli.turn('[[result-first]] hello');
    expect(mirrored(said)).toEqual([]);
    const { uuid } = said.find(({ type }) => type === 'assistant') ?? {};
    await cli.line((line) => mirrored([line]).some((entry) => entry['uuid'] === uuid));
    const from = cli.lines.length;
    await cli.turn('[[unmirrored]] hello');
    await cli.ask({ subtype: 'mcp_status' });
    expect(mirrored(cli.lines.slice(from))).toEqual([]);
  });

  test('it reports a usage limit as a success that is an error', async () => {
    const cli = await started();
    expect((await cli.turn('[[usage-limit]]')).result).toMatchObject({
      subtype: 'success',
      is_error: true,
      api_error_status: 429,
      result: expect.stringContaining('limit'),
    });
  });

  test('it follows the last of ten attempts when the API stays down', async () => {
    const cli = await started();
    const { said, result } = await cli.turn('[[error 529]]');
    expect(said.filter(({ subtype }) => subtype === 'api_retry').map((line) => line['attempt'])).toHaveLength(10);
    expect(result).toMatchObject({ is_error: true, subtype: 'success', terminal_reason: 'api_error' });
  });
});

describe('hazards of the pipes', () => {
  test('output ends, even answers to an interrupt, and the process lives', async () => {
    const cli = await started();
    cli.prompt('[[stall after=2]] one two three four');
    const isDelta = (line: Line): boolean => JSON.stringify(line).includes('text_delta');
    await expect.poll(() => cli.lines.filter(isDelta).length).toBe(2);
    cli.write({ type: 'control_request', request_id: 'i', request: { subtype: 'interrupt' } });
    await sleep(aWhile);
    expect(cli.lines.filter(isDelta)).toHaveLength(2);
    expect(cli.lines.some((line) => JSON.stringify(line).includes('"request_id":"i"'))).toBe(false);
    expect(isRunning(cli.child.pid ?? 0)).toBe(true);
  });

  test('requests are not answered any more; prompts are', async () => {
    const cli = await started();
    await cli.turn('[[deaf]] hello');
    const from = cli.lines.length;
    cli.write({ type: 'control_request', request_id: 'never', request: { subtype: 'mcp_status' } });
    expect((await cli.turn('still')).result).toMatchObject({ result: 'Echo: still' });
    expect(cli.lines.slice(from).some(({ type }) => type === 'control_response')).toBe(false);
  });

  test('a line is longer than any limit', async () => {
    const cli = await started();
    await cli.turn('[[line 3MB]] hello');
    expect(cli.lines.some((line) => String(line['data']).length === 3 * 1024 * 1024)).toBe(true);
  });

  test('pieces end inside a character', async () => {
    const cli = await started();
    const pieces: Buffer[] = [];
    cli.child.stdout?.on('data', (piece: Buffer) => pieces.push(piece));
    const { result } = await cli.turn('[[split]] größer – 大きい');
    expect(result['result']).toBe('Echo: größer – 大きい');
    expect(pieces.some((piece) => piece.toString('utf8').includes('�'))).toBe(true);
  });

  test.each([
    ['result', '[[half result]] hello'],
    ['gate', `[[half gate]] ${command('echo hello')}`],
    ['tool', `[[half tool]] ${command('echo hello')}`],
    ['mirror', '[[half mirror]] hello'],
  ])('only the first half of a %s is written, and the next output is on the same line', async (name, prompt) => {
    const cli = await started({}, name === 'gate' ? gated : {});
    cli.prompt(prompt);
    const cut = (): string => {
      const text = cli.lines.find(({ type }) => type === 'garbage')?.['text'];
      return typeof text === 'string' ? text : '';
    };
    await expect
      .poll(() => {
        // Its answer is the next output if it produces none by itself.
        cli.write({ type: 'control_request', request_id: 'next', request: { subtype: 'mcp_status' } });
        return cut().split('{"type":').length;
      })
      .toBeGreaterThan(2);
    const [, half = ''] = cut().split('{"type":');
    expect(() => JSON.parse(`{"type":${half}`) as unknown).toThrow();
    expect(half).toMatch(
      { result: /^"result"/, gate: /hook/, tool: /^"user"/, mirror: /^"transcript_mirror"/ }[name] ?? /^$/,
    );
  });

  test('stderr is flooded: the process blocks when it is not read', async () => {
    const cli = await started();
    cli.child.stderr?.pause();
    cli.prompt('[[stderr 1MB]] hello');
    await sleep(aWhile);
    expect(results(cli)).toEqual([]);
    cli.child.stderr?.resume();
    expect(await cli.result()).toMatchObject({ result: 'Echo: hello' });
    await expect.poll(() => cli.stderr.length).toBeGreaterThan(1_000_000);
  });

  test('lines without JSON stand between the others', async () => {
    const cli = await started();
    const { said, result } = await cli.turn('[[garbage 2]] hello');
    expect(said.filter(({ type }) => type === 'garbage')).toHaveLength(2);
    expect(result).toMatchObject({ result: 'Echo: hello' });
  });

  test('prompts that were written together become one turn', async () => {
    const cli = await started();
    cli.prompt('[[merge]] one');
    cli.prompt('two');
    expect(await cli.result()).toMatchObject({ result: expect.stringMatching(/^Echo: one\s+two$/) });
    await cli.ask({ subtype: 'mcp_status' });
    expect(results(cli)).toHaveLength(1);
  });

  test('the permission channel is dead for the life of the process', async () => {
    const cli = await started();
    const { said } = await cli.turn(`[[permission-dead]] ${command('touch never')}`);
    expect(toolResults(said)).toEqual([expect.objectContaining({ is_error: true, content: 'Stream closed' })]);
    expect(toolResults((await cli.turn(command('touch never'))).said)).toEqual([
      expect.objectContaining({ content: 'Stream closed' }),
    ]);
    expect(existsSync(join(cli.cwd, 'never'))).toBe(false);
  });
});

describe('hazards of the process', () => {
  test('its memory grows to a limit', async () => {
    const cli = await started();
    const resident = async (): Promise<number> =>
      Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${cli.child.pid}/status`, 'utf8'))?.[1]) / 1024;
    const before = await resident();
    await cli.turn('[[grow by=200MB to=60MB]]');
    await expect.poll(resident, { timeout: 5_000 }).toBeGreaterThan(before + 50);
    await sleep(aWhile);
    expect(await resident()).toBeLessThan(before + 90);
  });

  test.each(['stdout', 'nothing'])('it leaves a child process that holds %s', async (holds) => {
    const cli = await started({ env: { HEARTH_MARK_AGENT: 'its-mark' } });
    await cli.turn(`[[orphan holds=${holds} for=1.5s]]`);
    let hasClosed = false;
    cli.child.stdout?.on('close', () => {
      hasClosed = true;
    });
    const ended = new Promise((resolve) => {
      cli.child.on('exit', resolve);
    });
    cli.child.stdin?.end();
    await ended;
    await sleep(aWhile);
    expect(hasClosed).toBe(holds === 'nothing');
    await cli.exited;
  });

  test('two on one config dir: the second finds a torn file', async () => {
    const first = await started();
    const second = await raw({ home: first.home });
    expect(await second.exited).toMatchObject({ code: 1, stderr: expect.stringContaining('.claude.json is torn') });
    first.child.stdin?.end();
    await first.exited;
    expect((await (await started({ home: first.home })).turn('alone')).result).toMatchObject({ is_error: false });
  });

  test.each([
    ['before', 0],
    ['during', 0],
    ['after-answer', 1],
  ])('it crashes %s the answer, without a result', async (at, assistants) => {
    const cli = await started();
    cli.prompt(`[[crash ${at} code=7]] one two`);
    expect(await cli.exited).toMatchObject({ code: 7 });
    expect(results(cli)).toEqual([]);
    expect(cli.lines.filter(({ type }) => type === 'assistant')).toHaveLength(assistants);
    expect(cli.lines.some((line) => JSON.stringify(line).includes('text_delta'))).toBe(at !== 'before');
  });

  test.each(['SIGKILL', 'SIGTERM', 'SIGSEGV'])('it crashes by %s, after its result', async (signal) => {
    const cli = await started();
    cli.prompt(`[[crash after-result signal=${signal}]] hello`);
    expect(await cli.exited).toMatchObject({ code: null });
    expect(cli.child.signalCode).toBe(signal);
    expect(results(cli)).toHaveLength(1);
  });

  test("it crashes after a tool's effect a given number of times, counted over processes", async () => {
    const folder = await testFolder();
    const env = { FAKE_CLAUDE_EFFECTS: join(folder, 'effects'), HEARTH_MARK_AGENT: 'agent-1' };
    const sessionId = '4b1f8a3c-0d4e-4d0c-9d53-0a1b2c3d4e5f';
    const prompt = '[[crash after-tool times=2]] [[tool Effect {"text":"done"}]]';
    for (const isLast of [false, false, true]) {
      const cli = await started({ sessionId, env, flags: ['--allowedTools', 'Effect'] });
      cli.prompt(prompt);
      if (isLast) expect(await cli.result()).toMatchObject({ result: 'The tools answered: Effect: done' });
      else expect(await cli.exited).toMatchObject({ code: 1 });
    }
    const lines = (await readFile(env.FAKE_CLAUDE_EFFECTS, 'utf8')).trimEnd().split('\n');
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual(
      Array(3).fill({ text: 'done', sessionId, agent: 'agent-1', pid: expect.any(Number), at: expect.any(Number) }),
    );
  });

  test('a number of times that cannot be counted is refused', async () => {
    const cli = await started();
    cli.prompt('[[crash before times=1]]');
    expect(await cli.exited).toMatchObject({ code: 2, stderr: expect.stringContaining('FAKE_CLAUDE_STATE') });
  });

  test('a turn in which it was killed continues by itself after a resume', async () => {
    const first = await started();
    first.prompt('[[continue-on-resume]] [[stream chunks=2 every=30s]] unfinished business');
    await first.line((line) => JSON.stringify(line).includes('text_delta'));
    const entries = mirrored(first.lines);
    first.child.kill('SIGKILL');
    await first.exited;
    expect(entries).toContainEqual(expect.objectContaining({ type: 'user' }));
    const second = await started({ home: first.home, cwd: first.cwd, resume: first.sessionId });
    await second.line(({ subtype }) => subtype === 'init');
    await second.line((line) => JSON.stringify(line).includes('text_delta'));
  });
});

describe('the prompt cache', () => {
  const flags = ['--model', 'claude-a', '--append-system-prompt', 'Be brief.', '--tools', 'Bash,Read'];
  const cached = (result: Line): { read: number; written: number } => {
    const usage = record(result['usage']);
    return { read: Number(usage['cache_read_input_tokens']), written: Number(usage['cache_creation_input_tokens']) };
  };
  const prompt = `hello ${'and so on '.repeat(50)}`;

  test('holds the conversation so far, also for a resume with the same flags', async () => {
    const first = await started({ flags });
    const before = cached((await first.turn(prompt)).result);
    expect(before).toEqual({ read: 0, written: expect.any(Number) });
    const { result } = await first.turn('more');
    const hot = cached(result);
    expect(hot.read).toBeGreaterThanOrEqual(before.written);
    const [model] = Object.values(record(result['modelUsage']));
    expect(model).toMatchObject({
      cacheReadInputTokens: hot.read,
      cacheCreationInputTokens: before.written + hot.written,
    });
    first.child.stdin?.end();
    await first.exited;
    const resumed = await started({ home: first.home, cwd: first.cwd, resume: first.sessionId, flags });
    expect(cached((await resumed.turn('and more')).result).read).toBeGreaterThan(hot.read);
  });

  test.each([
    ['another model', ['--model', 'claude-b', ...flags.slice(2)]],
    ['a flag that is not repeated', flags.slice(0, 4)],
    ['another system prompt', [...flags, '--system-prompt', 'You are another.']],
    ['servers of tools', [...flags, '--mcp-config', '{"mcpServers":{}}']],
  ])('is lost to a resume with %s, and is complete again after that', async (_what, others) => {
    const first = await started({ flags });
    await first.turn(prompt);
    first.child.stdin?.end();
    await first.exited;
    const resumed = await started({ home: first.home, cwd: first.cwd, resume: first.sessionId, flags: others });
    const lost = cached((await resumed.turn('more')).result);
    expect(lost).toEqual({ read: 0, written: expect.toSatisfy((tokens: number) => tokens > 100) });
    expect(cached((await resumed.turn('and more')).result).read).toBeGreaterThanOrEqual(lost.written);
  });

  test('does not depend on flags that are not part of a prompt', async () => {
    const first = await started({ flags });
    await first.turn(prompt);
    first.child.stdin?.end();
    await first.exited;
    const others = [...flags, '--allowedTools', 'Bash', '--max-turns', '9'];
    const resumed = await started({ home: first.home, cwd: first.cwd, resume: first.sessionId, flags: others });
    expect(cached((await resumed.turn('more')).result).read).toBeGreaterThan(0);
  });
});

describe('its inputs', () => {
  test('it reports its command line and environment', async () => {
    const cli = await started({ env: { SEEN: 'yes' }, flags: ['--add-dir', '/tmp'] });
    const { result } = await cli.turn('[[argv]] [[env SEEN]]');
    const [argv = '', seen] = String(result['result']).split('\n');
    expect(JSON.parse(argv)).toEqual(expect.arrayContaining(['--session-id', cli.sessionId, '--add-dir', '/tmp']));
    expect(seen).toBe('SEEN=yes');
  });

  test('an older version cannot be parked, and lets a held tool run when its stdin ends', async () => {
    const env = { FAKE_CLAUDE_VERSION: '2.1.197' };
    const parked = await raw({ env, flags: ['--await-claim'] });
    expect(await parked.exited).toMatchObject({ code: 1, stderr: "error: unknown option '--await-claim'\n" });
    const cli = await started({ env, flags: ['--allowedTools', 'Bash'] }, gated);
    cli.prompt(command('touch held'));
    await cli.asks('hook_callback');
    cli.child.stdin?.end();
    expect(await cli.exited).toMatchObject({ code: 0 });
    expect(existsSync(join(cli.cwd, 'held'))).toBe(true);
  });

  test('a version newer than all known ones behaves like the newest, and says so', async () => {
    const cli = await raw({ env: { FAKE_CLAUDE_VERSION: '2.2.0' }, flags: ['--await-claim'] });
    expect(await cli.initialise()).toMatchObject({ response: { claude_code_version: '2.2.0' } });
    await expect.poll(() => cli.stderr).toContain('2.2.0 is newer than the table of versions; it is taken as 2.1.329');
  });

  test.each(['1.0.0', '2.1.300', 'next'])('the unknown version %s is refused', async (version) => {
    const cli = await raw({ env: { FAKE_CLAUDE_VERSION: version } });
    expect(await cli.exited).toMatchObject({ code: 2, stderr: expect.stringContaining('2.1.329') });
  });
});

describe('directives', () => {
  test.each([
    ['[[crash sometimes]]', 'crash before|during'],
    ['[[crash before signal=9]]', 'a signal such as'],
    ['[[stall until=never]]', 'fields after=…'],
    ['[[deaf now]]', 'nothing after its name'],
    ['[[env A B]]', 'env NAME'],
    ['[[half joke]]', 'half result|gate'],
    ['[[orphan holds=stdin]]', 'holds=stdout or'],
    ['[[nonsense]]', 'one of say'],
  ])('%s is refused with the expected form', (text, expected) => {
    expect(() => parseScript(text)).toThrow(expected);
  });

  test('for fake-claude alone are refused by the model API, by name', () => {
    expect(() => parseDirectives('[[crash before]]')).toThrow('only fake-claude can');
    expect(parseScript('[[crash before]] [[say yes]]')).toMatchObject({
      say: 'yes',
      hazards: { crash: { at: 'before' } },
    });
  });

  test('a prompt with a wrong one is answered as by the API', async () => {
    const cli = await started();
    expect((await cli.turn('[[nonsense]]')).result).toMatchObject({
      is_error: true,
      result: expect.stringContaining('[[nonsense]]: expected one of'),
    });
  });
});
