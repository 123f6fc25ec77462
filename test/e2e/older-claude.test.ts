import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sessionFolder } from '@hearth/shared';
import { findClaude } from '@hearth/worker';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';

/** What Claude Code 2.1.197 says to the flag it does not know; everything else is the real one. */
const cannotPark = (real: string): string => `#!/bin/sh
for argument in "$@"; do
  if [ "$argument" = --await-claim ]; then echo "error: unknown option '--await-claim'" >&2; exit 1; fi
done
exec ${real} "$@"
`;

test('a claude that cannot park spares gets them in folders that become the workspaces of sessions', async () => {
  await withCluster(async (cluster) => {
    const claude = join(await cluster.folder(), 'claude');
    await writeFile(claude, cannotPark(findClaude(undefined).path));
    await chmod(claude, 0o755);
    const worker = await cluster.worker({
      env: { HEARTH_CLAUDE_PATH: claude },
      profiles: { default: { allowedTools: ['Bash'] } },
    });
    const session = cluster.producer().session('Older');
    const first = await (await session.prompt('[[tool Bash {"command":"echo kept > note.txt"}]]')).result();
    expect(first).toMatchObject({ warmth: 'spare', toolCount: 1 });
    const workspace = join(
      worker.home,
      'workspaces',
      sessionFolder('Older'),
      (await session.summary())?.incarnation ?? '',
    );
    expect(await readFile(join(workspace, 'note.txt'), 'utf8')).toBe('kept\n');
    process.kill(first.pid ?? 0, 'SIGKILL');
    await worker.logged(({ msg }) => msg === 'session released');
    const resumed = await (await session.prompt('[[tool Bash {"command":"cat note.txt"}]]')).result();
    expect(resumed).toMatchObject({ warmth: 'resumed', text: expect.stringContaining('kept') });
  });
});
