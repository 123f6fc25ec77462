import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, type TestContext } from 'vitest';
import { hasApt } from '../src/debian.js';
import { type LocalRedis, LocalRedisError, startLocalRedis } from '../src/index.js';
import { withFolder } from './folder.js';

const isDebian = await hasApt();
// A machine that has only its packages.
const surroundings = { path: '', hasDocker: async () => false };

it.runIf(isDebian)(
  'packages are fetched once, by two at the same time, and then come from the cache',
  async (context) =>
    withFolder(async (folder) => {
      const cacheDir = join(folder, 'cache');
      const said: string[] = [];
      const start = (name: string): Promise<LocalRedis> =>
        startLocalRedis({ dataDir: join(folder, name), cacheDir, surroundings, onProgress: (line) => said.push(line) });

      const both = await Promise.allSettled([start('one'), start('two')]);
      for (const one of both) if (one.status === 'fulfilled') await one.value.stop();
      for (const one of both) if (one.status === 'rejected') skipWhenOffline(context, one.reason);
      expect(said).not.toEqual([]);
      // No partial download is left beside it.
      expect(await readdir(cacheDir)).toHaveLength(1);

      said.length = 0;
      const third = await start('three');
      await third.stop();
      expect(third.origin).toBe('debian-package');
      expect(said).toEqual([]);
    }),
);

/** Without a package mirror there is nothing to test. */
function skipWhenOffline(context: TestContext, reason: unknown): void {
  if (reason instanceof LocalRedisError && /fetch|resolve|connect/i.test(String(reason.cause))) {
    context.skip('no package mirror can be reached');
  }
  throw reason;
}
