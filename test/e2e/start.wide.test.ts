import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { hearth } from '../support/command.js';
import { expectTheGain, withoutCredentials } from './start.js';

test('start --exit --json ends by itself and prints only JSON lines', async () => {
  await withCluster(async (cluster) => {
    const env = { ...withoutCredentials(cluster), HEARTH_HOME: await cluster.folder() };
    const { code, lines, stderr } = await hearth(['start', '--exit', '--json'], env);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr.split('\n')[0]).toMatch(/No credentials for Claude: this is the demo/);
    expectTheGain(lines);
  });
});
