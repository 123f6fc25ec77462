import { describe, expect, it } from 'vitest';
import { profileSchema, profilesSchema } from '../../src/index.js';

describe('a profile', () => {
  it('has defaults for every field', () => {
    expect(profileSchema.parse({})).toMatchObject({
      workspace: 'scratch',
      permissionMode: 'default',
      spares: 1,
      extraArgs: [],
    });
  });

  it.each(['--resume', '--session-id=1', '-p', '--continue', '--output-format', '--model=opus', '--settings'])(
    'rejects the extra argument %s, because Hearth sets it, and names it',
    (arg) => {
      const { error } = profileSchema.safeParse({ extraArgs: ['--betas', arg] });
      expect(error?.issues[0]?.message).toContain(`${arg.split('=')[0]} is set by Hearth`);
      expect(error?.issues[0]?.path).toContain('extraArgs');
    },
  );

  it('accepts other flags as extra arguments', () => {
    expect(profileSchema.parse({ extraArgs: ['--betas', 'x'] }).extraArgs).toEqual(['--betas', 'x']);
  });

  it('rejects an unknown field, so that a typing error is reported', () => {
    expect(profileSchema.safeParse({ modell: 'opus' }).error?.issues[0]).toMatchObject({
      code: 'unrecognized_keys',
      keys: ['modell'],
    });
  });

  it.each(['workspace', 'mcpConfig', 'settings', 'loginFrom'])('accepts only an absolute path for %s', (field) => {
    expect(profileSchema.safeParse({ [field]: 'relative/path' }).success).toBe(false);
    expect(profileSchema.safeParse({ [field]: '/absolute/path' }).success).toBe(true);
  });
});

describe('the profiles', () => {
  it('always have a default, built in or given', () => {
    expect(profilesSchema.parse({})['default']).toEqual(profileSchema.parse({}));
    expect(profilesSchema.parse({ default: { model: 'opus' } })['default']?.model).toBe('opus');
  });

  it('are rejected when a name contains a space', () => {
    expect(profilesSchema.safeParse({ 'a b': {} }).success).toBe(false);
  });
});
