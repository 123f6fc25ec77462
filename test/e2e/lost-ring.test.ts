import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { eventually } from '../support/facts.js';

test('a producer killed between submit and ring loses nothing: the turn is served', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake', env: { HEARTH_LOOK_AFTER_MS: '200' } });
    const program = fileURLToPath(new URL('../dist/fixtures/submit-and-die.js', import.meta.url));
    const died = await execa(process.execPath, [program, 'lonely', 'turn-1', 'is anybody there'], {
      env: cluster.env,
      reject: false,
    });
    expect(died.signal).toBe('SIGKILL');
    const turn = await eventually(async () => {
      const found = await cluster.store.turn('lonely', 1);
      return found?.result === undefined ? undefined : found;
    });
    expect(turn).toMatchObject({ turnId: 'turn-1', state: 'finished', result: { text: 'Echo: is anybody there' } });
  });
});
