import { expect, it } from 'vitest';
import { digestOf, launchDigest } from '../../src/schema/launch-digest.js';
import { profileSchema } from '../../src/schema/profile.js';

const secret = 'the password is swordfish';

it('says whether a flag agrees, and not what the profile says', () => {
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
