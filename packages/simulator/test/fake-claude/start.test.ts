import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startModelApi } from '../../src/index.js';
import { type CliProcess, raw, started, testFolder } from './support.js';

async function scenario(content: object | string): Promise<Record<string, string>> {
  const folder = await testFolder();
  const file = join(folder, 'scenario.json');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return { FAKE_CLAUDE_SCENARIO: file, FAKE_CLAUDE_STATE: join(folder, 'state') };
}

const begin = async (content: object): Promise<CliProcess> => raw({ env: await scenario(content) });

describe('a scenario', () => {
  test('puts its steps before the prompts that match', async () => {
    const cli = await started({ env: await scenario({ rules: [{ match: 'deploy', steps: ['[[say deployed]]'] }] }) });
    expect((await cli.turn('please deploy')).result).toMatchObject({ result: 'deployed' });
    expect((await cli.turn('else')).result).toMatchObject({ result: 'Echo: else' });
  });

  test('may contain directives for fake-claude alone', async () => {
    const cli = await started({
      env: await scenario({ rules: [{ match: 'die', steps: ['[[crash before code=9]]'] }] }),
    });
    cli.prompt('die');
    expect(await cli.exited).toMatchObject({ code: 9 });
  });

  test.each([
    [{ rules: [{ match: 'x', steps: [] }] }, 'rules.0.steps'],
    [{ rules: [{ match: 'x', steps: ['[[crash never]]'] }] }, 'rules.0: [[crash never]]'],
    [{ rules: [], start: { exitCode: 300 } }, 'start.exitCode'],
    [{ rules: [], start: { delay: 3 } }, 'start.delay'],
    [{ rule: [] }, 'rule: expected one of rules, start'],
    ['nothing', 'cannot be read as JSON'],
  ])('%j is refused with the field named', async (content, expected) => {
    const cli = await raw({ env: await scenario(content) });
    expect(await cli.exited).toMatchObject({ code: 2, stderr: expect.stringContaining(expected) });
  });

  test('with a start is refused by the model API', async () => {
    const { FAKE_CLAUDE_SCENARIO: scenarioFile = '' } = await scenario({ rules: [], start: { delayMs: 1 } });
    await expect(startModelApi({ scenarioFile })).rejects.toThrow('only fake-claude plays it');
  });
});

describe('a start', () => {
  test('is slow', async () => {
    const cli = await begin({ start: { delayMs: 400 } });
    const startedAt = performance.now();
    await cli.initialise();
    expect(performance.now() - startedAt).toBeGreaterThan(350);
  });

  test('fails a given number of times, counted over processes', async () => {
    const env = await scenario({ start: { exitCode: 3, stderr: 'not today', times: 2 } });
    const codes = [];
    for (let at = 0; at < 2; at += 1) codes.push(await (await raw({ env })).exited);
    expect(codes).toEqual(Array(2).fill({ code: 3, stderr: 'not today\n' }));
    expect((await (await started({ env })).turn('now')).result).toMatchObject({ result: 'Echo: now' });
  });

  test('never completes its handshake', async () => {
    const cli = await begin({ start: { neverInitialise: true } });
    cli.write({ type: 'control_request', request_id: 'i', request: { subtype: 'initialize' } });
    // Later requests are answered.
    for (let at = 0; at < 2; at += 1)
      expect(await cli.ask({ subtype: 'mcp_status' })).toMatchObject({ subtype: 'success' });
    expect(cli.lines.some((line) => JSON.stringify(line).includes('"request_id":"i"'))).toBe(false);
  });
});
