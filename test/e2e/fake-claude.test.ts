import { readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fakeClaudePath } from '@hearth/simulator';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';

test('a worker runs on fake-claude: a spare, a hot turn, a tool, a resume at another worker, a repeated crash', async () => {
  await withCluster(async (cluster) => {
    const effects = join(await cluster.folder(), 'effects');
    const worker = await cluster.worker({
      env: { HEARTH_CLAUDE_PATH: fakeClaudePath() },
      profiles: { default: { allowedTools: ['Effect'], env: { FAKE_CLAUDE_EFFECTS: effects } } },
    });
    const session = cluster.producer().session('Simulated');
    const first = await (await session.prompt('Remember the number 12.')).result();
    expect(first).toMatchObject({ warmth: 'spare' });
    const hot = await (await session.prompt('[[tool Effect {"text":"once"}]]')).result();
    expect(hot).toMatchObject({ warmth: 'hot', toolCount: 1, text: 'The tools answered: Effect: once' });
    const effect = JSON.parse(await readFile(effects, 'utf8')) as { pid: number; agent: string };
    expect(effect).toMatchObject({ pid: hot.pid, agent: expect.any(String) });
    process.kill(hot.pid ?? 0, 'SIGKILL');
    await worker.logged(({ event }) => event === 'session.released');
    const resumed = await (await session.prompt('What number did I ask you to remember?')).result();
    expect(resumed).toMatchObject({ warmth: 'resumed', text: 'You asked me to remember the number 12.' });
    const survived = await (await session.prompt('[[crash during times=1]] still here')).result();
    expect(survived).toMatchObject({ text: 'Echo: still here' });
  });
});

test('the path of the program may be relative to the folder the worker was started in', async () => {
  await withCluster(async (cluster) => {
    const path = relative(process.cwd(), fakeClaudePath());
    await cluster.worker({ env: { HEARTH_CLAUDE_PATH: path } });
    const result = await (await cluster.producer().session('s').prompt('hello')).result();
    expect(result).toMatchObject({ text: 'Echo: hello', warmth: 'spare' });
  });
});

test('a resumed session keeps its prompt cache: every flag that is part of the prompt is repeated', async () => {
  await withCluster(async (cluster) => {
    const folder = await cluster.folder();
    const mcpConfig = join(folder, 'mcp.json');
    await writeFile(mcpConfig, '{"mcpServers":{}}');
    const worker = await cluster.worker({
      claude: 'fake',
      profiles: {
        default: {
          model: 'claude-simulated-2',
          systemPrompt: 'You are terse.',
          appendSystemPrompt: 'Be kind.',
          tools: ['Bash', 'Effect'],
          disallowedTools: ['Bash'],
          mcpConfig,
          settingSources: ['user'],
          addDirs: [folder],
          extraArgs: ['--strict-mcp-config'],
        },
      },
    });
    const session = cluster.producer().session('s');
    const first = await (await session.prompt('Remember the number 12.')).result();
    expect(first.tokens).toMatchObject({ cacheRead: 0, cacheWrite: expect.toSatisfy((tokens: number) => tokens > 0) });
    process.kill(first.pid ?? 0, 'SIGKILL');
    await worker.logged(({ event }) => event === 'session.released');
    const resumed = await (await session.prompt('What number did I ask you to remember?')).result();
    expect(resumed.warmth).toBe('resumed');
    expect(resumed.tokens.cacheRead).toBeGreaterThanOrEqual(first.tokens.cacheWrite);
  });
});
