import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';

test('the note about an interrupted turn is added to every prompt until one is committed', async () => {
  await withCluster(async (cluster) => {
    const effects = join(await cluster.folder(), 'effects');
    const env = { FAKE_CLAUDE_EFFECTS: effects };
    await cluster.worker({
      claude: 'fake',
      profiles: { default: { allowedTools: ['Effect'], silenceTimeoutMs: 400, env } },
    });
    const session = cluster.producer().session('s');
    await (await session.prompt('Remember the number 5.')).result();
    const changed = await session.prompt('[[crash after-tool]] [[tool Effect {"text":"x"}]] go');
    await expect(changed.result()).rejects.toMatchObject({ code: 'interrupted' });
    // The turn gets the note, and is removed from the transcript with it.
    const deaf = await session.prompt('[[deaf]] [[stall after=1]] [[stream chunks=4 every=1ms]] one two three four');
    await expect(deaf.result()).rejects.toMatchObject({ code: 'silence_timeout' });
    await (await session.prompt('hello')).result();
    const said = [...(await session.transcript()).values()].join('');
    expect(said).toContain('Effect');
    expect(said).not.toContain('one two three four');
  });
});
