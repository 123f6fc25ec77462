import { profileSchema } from '@hearth/shared';
import { describe, expect, test } from 'vitest';
import { commandLine, environment, launchKey } from '../../../src/agent/claude/launch.js';
import type { Launch } from '../../../src/agent/driver.js';

const launch = (profile: object = {}): Launch => ({
  agentId: 'a-1',
  workerId: 'w-1',
  profile: profileSchema.parse(profile),
  home: '/home/agents/a-1',
  workspaces: '/home/workspaces',
});

describe('the environment of an agent', () => {
  const worker = {
    PATH: '/bin',
    HOME: '/root',
    LC_ALL: 'C',
    ANTHROPIC_API_KEY: 'key',
    ANTHROPIC_BASE_URL: 'url',
    CLAUDE_CODE_OAUTH_TOKEN: 'token',
    HTTPS_PROXY: 'proxy',
    NODE_EXTRA_CA_CERTS: 'ca',
    REDIS_URL: 'redis://secret',
    CLAUDECODE: '1',
    GITHUB_TOKEN: 'other',
    AWS_SECRET_ACCESS_KEY: 'aws',
    HEARTH_HOME: '/h',
    MINE: 'mine',
    EMPTY: '',
  };

  test('contains only variables of an allow-list', () => {
    const { CLAUDE_CONFIG_DIR, CLAUDE_CODE_TMPDIR, ...env } = environment(launch(), worker);
    expect(env).toEqual({
      PATH: '/bin',
      HOME: '/root',
      LC_ALL: 'C',
      ANTHROPIC_API_KEY: 'key',
      ANTHROPIC_BASE_URL: 'url',
      CLAUDE_CODE_OAUTH_TOKEN: 'token',
      HTTPS_PROXY: 'proxy',
      NODE_EXTRA_CA_CERTS: 'ca',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      DISABLE_AUTOUPDATER: '1',
      HEARTH_MARK_WORKER: 'w-1',
      HEARTH_MARK_AGENT: 'a-1',
    });
    expect(CLAUDE_CONFIG_DIR).toMatch(/^\/home\/agents\/a-1\//);
    expect(CLAUDE_CODE_TMPDIR).toMatch(/^\/home\/agents\/a-1\//);
  });

  test('contains what the profile adds, but keeps its marks and its config dir', () => {
    const env = environment(
      launch({ env: { ADDED: '1', HEARTH_MARK_WORKER: 'forged', CLAUDE_CONFIG_DIR: '/x' }, passEnv: ['MINE'] }),
      worker,
    );
    expect(env).toMatchObject({ ADDED: '1', MINE: 'mine', HEARTH_MARK_WORKER: 'w-1' });
    expect(env['CLAUDE_CONFIG_DIR']).not.toBe('/x');
  });

  test("contains Amazon's variables only with Bedrock", () => {
    const has = (asked: string, profile: object = {}): boolean =>
      'AWS_SECRET_ACCESS_KEY' in environment(launch(profile), { ...worker, CLAUDE_CODE_USE_BEDROCK: asked });
    for (const yes of ['1', 'true', 'TRUE', 'yes', 'on']) expect(has(yes), yes).toBe(true);
    for (const no of ['', '0', 'false', 'no', 'off']) expect(has(no), no).toBe(false);
    expect(has('', { env: { CLAUDE_CODE_USE_BEDROCK: '1' } })).toBe(true);
    expect(has('1', { env: { CLAUDE_CODE_USE_BEDROCK: '0' } })).toBe(false);
  });
});

test('repeats every flag of a spare in a resume', () => {
  const { profile } = launch({ model: 'm', allowedTools: ['Read', 'Bash(ls:*)'], maxTurns: 3, extraArgs: ['--bare'] });
  const spare = commandLine(profile, { kind: 'parked', claudeSessionId: 'id' });
  const resumed = commandLine(profile, { kind: 'resumed', claudeSessionId: 'c', transcript: '/t.jsonl' });
  const beginning = ['--session-id', 'id', '--await-claim', '--resume', '/t.jsonl'];
  const rest = (args: readonly string[]): string[] => args.filter((arg) => !beginning.includes(arg));
  expect(rest(resumed)).toEqual(rest(spare));
  expect(spare).toEqual(
    expect.arrayContaining(['--model', 'm', '--allowedTools', 'Read,Bash(ls:*)', '--max-turns', '3', '--bare']),
  );
});

test('gives profiles with interchangeable agents the same pool key', () => {
  const key = (profile: object): string => launchKey(profileSchema.parse(profile));
  const policy = { spares: 3, turnTimeoutMs: 5, silenceTimeoutMs: 5, firstEventTimeoutMs: 5, permissionDeadlineMs: 5 };
  expect(key(policy)).toBe(key({}));
  expect(key({ model: 'a' })).not.toBe(key({ model: 'b' }));
  expect(key({ env: { A: '1' } })).not.toBe(key({ env: { A: '2' } }));
});

test('passes an empty list of tools, and leaves out empty additions', () => {
  const args = commandLine(profileSchema.parse({ tools: [], addDirs: ['/a', '/b'] }), {
    kind: 'parked',
    claudeSessionId: 'id',
  });
  expect(args.join(' ')).toContain('--tools  --add-dir /a --add-dir /b');
  expect(args).not.toContain('--allowedTools');
});
