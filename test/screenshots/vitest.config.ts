import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// No tests: their brackets (a Redis, a cluster, a browser) are what these pictures need as well.
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/screenshots/screenshots.ts'],
    globalSetup: ['test/setup/redis.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
