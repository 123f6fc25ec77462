import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { watchNode } from '../support/command.js';

test.each(['worker', 'gateway'])('a %s reports an unknown log level; an empty one counts as unset', async (part) => {
  await withCluster(async (cluster) => {
    const program = fileURLToPath(import.meta.resolve(`@hearth/${part}/main`));
    const env = { ...cluster.env, HEARTH_HOME: await cluster.folder(), HEARTH_GATEWAY_PORT: '0' };
    const loud = await execa(process.execPath, [program], {
      env: { ...env, HEARTH_LOG_LEVEL: 'loud' },
      reject: false,
    });
    expect(loud.exitCode).toBe(2);
    expect(loud.stderr.split('\n').map((line) => JSON.parse(line) as object)).toEqual([
      expect.objectContaining({ level: 'fatal', msg: expect.stringMatching(/logLevel.*info/s) }),
    ]);
    const unset = watchNode([program], { ...env, HEARTH_LOG_LEVEL: '' });
    await unset.said(new RegExp(`"kind":"${part}"`));
    expect(await unset.leave()).toBe(0);
  });
});
