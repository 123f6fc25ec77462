import { expect, test } from 'vitest';
import { shareCluster } from '../support/shared-cluster.js';

const shared = shareCluster();

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'no turn costs twice after its idle agent got %s, and once more',
  async (signal) => {
    const session = shared().session();
    const large = await (await session.prompt('[[large 4KB]] one')).result();
    const hot = await (await session.prompt('two')).result();
    expect(large.tokens.output).toBeGreaterThan(2 * hot.tokens.output);
    let pid = hot.pid ?? Number.NaN;
    for (let times = 0; times < 2; times += 1) {
      process.kill(pid, signal);
      await shared().worker.logged((line) => line.event === 'agent.idle_exit' && line['pid'] === pid);
      const resumed = await (await session.prompt('two')).result();
      expect(resumed).toMatchObject({ warmth: 'resumed', tokens: { output: hot.tokens.output } });
      expect(resumed.costUsd).toBeLessThan(large.costUsd + hot.costUsd);
      pid = resumed.pid ?? Number.NaN;
    }
  },
);
