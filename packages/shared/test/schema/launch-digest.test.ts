import { expect, it } from 'vitest';
import { digestOf, launchDigest } from '../../src/schema/launch-digest.js';
import { profileSchema } from '../../src/schema/profile.js';

const secret = 'the password is swordfish';

it('contains digests of values, and no value of a prompt or an argument', () => {
  const profile = profileSchema.parse({
    model: 'opus',
    allowedTools: ['Read', 'Bash(git *)'],
    maxTurns: 3,
    appendSystemPrompt: secret,
    extraArgs: ['--agents', secret],
    env: { TOKEN: secret },
  });
  const digest = launchDigest(profile);
  expect(digest).toMatchObject({
    model: 'opus',
    permissionMode: 'default',
    extraArgs: [digestOf('--agents'), digestOf(secret)],
  });
  expect(digest.fields).toMatchObject({
    allowedTools: digestOf(['Bash(git *)', 'Read']),
    maxTurns: digestOf('3'),
    appendSystemPrompt: digestOf(secret),
  });
  expect(JSON.stringify(digest)).not.toContain('swordfish');
});

it('contains only fields that are flags of the CLI', () => {
  const profile = profileSchema.parse({ silenceTimeoutMs: 5, turnTimeoutMs: 5, firstEventTimeoutMs: 5, spares: 3 });
  expect(Object.keys(launchDigest(profile).fields).sort()).toEqual([
    'addDirs',
    'allowedTools',
    'disallowedTools',
    'permissionMode',
  ]);
});
