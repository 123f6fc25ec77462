import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { hearth, watch } from '../support/command.js';
import { fakeClaude } from '../support/programs.js';

test('a dead worker of up is reported and replaced; one that cannot start is retried with its reason until it can', async () => {
  await withCluster(async (cluster) => {
    const home = await cluster.folder();
    const profiles = join(home, 'profiles.json');
    await writeFile(profiles, '{"default": {}}');
    const env = { ...cluster.env, HEARTH_HOME: home, HEARTH_CLAUDE_PATH: fakeClaude };
    const up = watch(['up', '--demo', '--profiles', profiles, '--json'], env);
    const ready = JSON.parse(await up.said(/"kind":"ready"/)) as { workers: { pid: number }[] };

    process.kill(ready.workers[0]?.pid ?? 0, 'SIGKILL');
    await up.said(/Worker 1 ended \(SIGKILL\)/);
    await up.said(/Worker 1 serves again/);
    expect((await hearth(['ask', 'hello'], env)).stdout).toBe('Echo: hello');

    await writeFile(profiles, 'broken');
    const [again] = await cluster.leases
      .workers()
      .then((all) => all.filter(({ pid }) => pid !== ready.workers[0]?.pid));
    process.kill(again?.pid ?? 0, 'SIGKILL');
    await up.said(/Worker 1 does not start: .*The profile file .* cannot be read as JSON/);
    await writeFile(profiles, '{"default": {}}');
    const served = up.lines.length;
    await expect
      .poll(() => up.lines.slice(served).some((line) => line.includes('Worker 1 serves again')), { timeout: 30_000 })
      .toBe(true);
    expect(await up.leave()).toBe(0);
  });
});

test("agents of a demo have no account but the simulator's, whatever the environment of up contains", async () => {
  await withCluster(async (cluster) => {
    const real = {
      ANTHROPIC_AUTH_TOKEN: 'real',
      CLAUDE_CODE_OAUTH_TOKEN: 'real',
      CLAUDE_CODE_USE_BEDROCK: '1',
      CLAUDE_CODE_USE_VERTEX: '1',
      AWS_SECRET_ACCESS_KEY: 'real',
    };
    const env = { ...cluster.env, ...real, HEARTH_HOME: await cluster.folder(), HEARTH_CLAUDE_PATH: fakeClaude };
    const up = watch(['up', '--demo', '--json'], env);
    await up.said(/"kind":"ready"/);
    const names = [...Object.keys(real), 'ANTHROPIC_API_KEY'];
    const { stdout } = await hearth(['ask', names.map((name) => `[[env ${name}]]`).join(' ')], env);
    expect(stdout).not.toContain('real');
    for (const name of ['CLAUDE_CODE_USE_BEDROCK', 'CLAUDE_CODE_USE_VERTEX'])
      expect(stdout).toMatch(new RegExp(`${name}=(\\s|$)`));
    expect(stdout).toContain('ANTHROPIC_API_KEY=simulated');
    expect(await up.leave()).toBe(0);
  });
});
