import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { tool } from '../support/turns.js';

test('the real CLI offers no background shell in a profile with background: off', async () => {
  await withCluster(async (cluster) => {
    const profile = { spares: 0, allowedTools: ['Bash'] };
    await cluster.worker({ profiles: { default: profile, within: { ...profile, background: 'off' } } });
    const answerIn = async (name: string): Promise<string> => {
      const shell = tool('Bash', { command: 'true', run_in_background: true });
      return (await (await cluster.producer().session(name).prompt(shell, { profile: name })).result()).text;
    };
    expect(await answerIn('within')).toContain('unexpected parameter `run_in_background`');
    expect(await answerIn('default')).toContain('running in background');
  });
});
