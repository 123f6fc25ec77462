import { describe, expect, it } from 'vitest';
import { profileSchema, profilesSchema } from '../../src/index.js';

describe('a profile', () => {
  it('needs nothing', () => {
    expect(profileSchema.parse({})).toMatchObject({
      workspace: 'scratch',
      permissionMode: 'default',
      spares: 1,
      extraArgs: [],
    });
  });

  it.each(['--resume', '--session-id=1', '-p', '--continue', '--output-format', '--model=opus', '--settings'])(
    'may not set %s, which Hearth sets itself, and says so by name',
    (arg) => {
      const { error } = profileSchema.safeParse({ extraArgs: ['--betas', arg] });
      expect(error?.issues[0]?.message).toContain(`${arg.split('=')[0]} is set by Hearth`);
      expect(error?.issues[0]?.path).toContain('extraArgs');
    },
  );

  it('may set other flags', () => {
    expect(profileSchema.parse({ extraArgs: ['--betas', 'x'] }).extraArgs).toEqual(['--betas', 'x']);
  });

  it('has no field that is not known, so that a misspelt one is no silence', () => {
    expect(profileSchema.safeParse({ modell: 'opus' }).error?.issues[0]).toMatchObject({
      code: 'unrecognized_keys',
      keys: ['modell'],
    });
  });

  it.each(['workspace', 'mcpConfig', 'settings', 'loginFrom'])('names files by absolute paths: %s', (field) => {
    expect(profileSchema.safeParse({ [field]: 'relative/path' }).success).toBe(false);
    expect(profileSchema.safeParse({ [field]: '/absolute/path' }).success).toBe(true);
  });
});

describe('the profiles', () => {
  it('always have a default, which may be another than the built-in one', () => {
    expect(profilesSchema.parse({})['default']).toEqual(profileSchema.parse({}));
    expect(profilesSchema.parse({ default: { model: 'opus' } })['default']?.model).toBe('opus');
  });

  it('are refused under names that are none', () => {
    expect(profilesSchema.safeParse({ 'a b': {} }).success).toBe(false);
  });
});
