import { profileSchema } from '@hearth/shared';
import { digestOf, launchDigest } from '@hearth/shared/internal';
import { describe, expect, it, test } from 'vitest';
import { parseCommandLine } from '../src/command-line.js';
import { resolveInvocation } from '../src/invocation.js';
import { checkAgreement, profileFor } from '../src/profile-choice.js';
import { readSettings } from '../src/settings.js';

const call = (...argv: string[]) => resolveInvocation(parseCommandLine(argv), false);
const given = (...argv: string[]) => parseCommandLine(argv).given.map(({ flag, values }) => [flag.name, ...values]);

describe('a command line', () => {
  it.each<[string[], string[][]]>([
    [['-pc'], [['--print'], ['--continue']]],
    [['-rID'], [['--resume', 'ID']]],
    [
      ['--resume', '-p'],
      [['--resume'], ['--print']],
    ],
    [['--output-format=json'], [['--output-format', 'json']]],
    [
      ['--allowed-tools', 'Bash(git *)', 'Read', '-p'],
      [['--allowedTools', 'Bash(git *)', 'Read'], ['--print']],
    ],
    [['--system-prompt', '-x'], [['--system-prompt', '-x']]],
  ])('%j gives %j', (argv, flags) => expect(given(...argv)).toEqual(flags));

  it('takes its prompt at any position, and after --', () => {
    expect(parseCommandLine(['-p', 'one', 'two']).prompt).toBe('one');
    expect(parseCommandLine(['-p', '--', '--not-a-flag']).prompt).toBe('--not-a-flag');
  });

  it.each([
    [['-p', '--worktree'], /does not support --worktree: .* workspace of its profile/],
    [['-p', '--json-schema', '{}', 'x'], /does not support --json-schema/],
    [['-p', '--frobnicate'], /unknown option '--frobnicate'/],
    [['-p', '--model'], /option '--model <model>' argument missing/],
    [['-p', '--output-format', 'xml'], /argument 'xml' is invalid. Allowed choices are text, json, stream-json/],
    [['-p', '--session-id', 'x'], /Invalid session ID. Must be a valid UUID/],
    [['-p', '-r'], /--resume requires a valid session ID/],
    [['-p', '-c', '--no-session-persistence'], /for one prompt alone/],
    [['-p', '--include-partial-messages'], /requires --print and --output-format=stream-json/],
    [['-p', '--input-format', 'stream-json'], /requires output-format=stream-json/],
    [['mcp', 'list'], /is a command of the real claude/],
  ])('%j is refused', (argv, message) => expect(() => call(...argv)).toThrow(message));

  it('is refused without -p in a terminal, and accepted elsewhere, as by the CLI', () => {
    expect(() => resolveInvocation(parseCommandLine(['x']), true)).toThrow(/hearth chat/);
    expect(call('x').prompt).toBe('x');
  });
});

const profile = profileSchema.parse({
  model: 'opus',
  allowedTools: ['Bash(git *)', 'Read'],
  appendSystemPrompt: 'Be kind.',
  maxTurns: 3,
  permissionMode: 'bypassPermissions',
  extraArgs: ['--effort', 'high', '--betas=one'],
});
const launch = launchDigest(profile);
const agree = (...argv: string[]) => checkAgreement(call('-p', ...argv, '--', 'x').launchFlags, 'p', launch);

describe('a launch flag', () => {
  it.each([
    [['--allowedTools', 'Read', 'Bash(git *)']],
    [['--allowedTools', 'Read,Bash(git *)']],
    [['--append-system-prompt', 'Be kind.']],
    [['--max-turns', '3']],
    [['--dangerously-skip-permissions']],
    [['--permission-mode', 'bypassPermissions']],
    [['--effort', 'high']],
    [['--effort=high']],
    [['--betas', 'one']],
    [['--permission-prompts', 'none']],
  ])('%j is accepted when the profile has the same value', (argv) => expect(() => agree(...argv)).not.toThrow());

  it.each([
    [['--allowedTools', 'Read'], '"allowedTools"'],
    [['--append-system-prompt', 'Be rude.'], '"appendSystemPrompt"'],
    [['--permission-mode', 'plan'], '"permissionMode"'],
    [['--system-prompt', 'x'], '"systemPrompt"'],
    [['--effort', 'low'], '"extraArgs"'],
    [['--bare'], '"extraArgs"'],
  ])('%j is refused otherwise, with the place to set it', (argv, place) => expect(() => agree(...argv)).toThrow(place));
});

test('a model selects a profile: by name, else by its model', () => {
  const launches = { default: launchDigest(profileSchema.parse({})), p: launch, opus2: launch };
  expect(profileFor('opus2', launches)).toBe('opus2');
  expect(profileFor('opus', launches)).toBe('p');
  expect(() => profileFor('sonnet', launches)).toThrow(/there are: default, p, opus2/);
  expect(digestOf('opus')).toBe(launch.fields['model']);
});

test('the environment is read once, and unusable values are refused', () => {
  const unset = { HEARTH_CLAUDE_PROFILE: '', HEARTH_CLAUDE_NAME: '', HEARTH_CLAUDE_PERMISSIONS: '' };
  const defaults = { profile: undefined, name: '/here', permissions: 'deny', fallback: false };
  expect(readSettings(unset, '/here')).toEqual(defaults);
  expect(() => readSettings({ HEARTH_CLAUDE_PERMISSIONS: 'ask' }, '/')).toThrow(
    /HEARTH_CLAUDE_PERMISSIONS is "ask". Allowed choices are deny, wait/,
  );
});
