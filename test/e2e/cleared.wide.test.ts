import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';

const question = 'What number did I ask you to remember?';

test('a /clear holds: a resumed session remembers nothing from before it, and the lost context costs nothing', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker();
    const session = cluster.producer().session('s');
    const say = async (prompt: string) => (await session.prompt(prompt)).result();
    const first = await say('Please remember the number 4711.');
    // A local command answers without the model, and its entry is of another type than that of an answer.
    expect(await say('/cost')).toMatchObject({ durable: true, text: expect.stringContaining('$') });
    expect(await say(question)).toMatchObject({ text: 'You asked me to remember the number 4711.', warmth: 'hot' });
    const cleared = await say('/clear');
    expect(cleared).toMatchObject({ status: 'finished', warmth: 'hot', costUsd: 0, tokens: { input: 0, output: 0 } });
    expect(cleared.claudeSessionId).not.toBe(first.claudeSessionId);

    // No prompt since: there is no context.
    process.kill(cleared.pid ?? Number.NaN, 'SIGKILL');
    expect((await say(question)).text).toBe('You have not asked me to remember a number.');

    await say('Please remember the number 5.');
    await say('/clear');
    const last = await say('Please remember the number 6.');
    process.kill(last.pid ?? Number.NaN, 'SIGKILL');
    expect(await say(question)).toMatchObject({
      text: 'You asked me to remember the number 6.',
      warmth: 'resumed',
      claudeSessionId: last.claudeSessionId,
    });
  });
});
