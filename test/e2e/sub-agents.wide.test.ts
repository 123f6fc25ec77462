import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { eventually } from '../support/facts.js';

test('the output of a sub-agent is part of the transcript, in a file of its own, and moves to another worker', async () => {
  await withCluster(async (cluster) => {
    const settings = { profiles: { default: { permissionMode: 'bypassPermissions', env: { IS_SANDBOX: '1' } } } };
    const first = await cluster.worker(settings);
    const session = cluster.producer().session('s');
    const task = { description: 'look around', prompt: 'Say hello from below', subagent_type: 'general-purpose' };
    await (await session.prompt(`[[tool Task ${JSON.stringify(task)}]] Remember the number 22.`)).result();
    // It runs beside its turn, and may end after it.
    const [file, content] = await eventually(async () =>
      [...(await session.transcript())].find(([name, lines]) => name !== 'main' && lines.includes('Echo: Say hello')),
    );
    expect(file).toMatch(/^[0-9a-f-]{36}\/subagents\/.+\.jsonl$/);

    await first.stop();
    await cluster.worker(settings);
    const back = await (await session.prompt('What number did I ask you to remember?')).result();
    expect(back).toMatchObject({ warmth: 'resumed', text: 'You asked me to remember the number 22.' });
    expect((await session.transcript()).get(file)?.startsWith(content)).toBe(true);
  });
});
