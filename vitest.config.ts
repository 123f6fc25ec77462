import { configDefaults, defineConfig } from 'vitest/config';

export const wideTests = ['**/*.wide.test.ts'];

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, '**/dist/**', ...wideTests],
    globalSetup: ['test/setup/redis.ts'],
    // Each file would load zod, BullMQ and ioredis again, for half a second.
    isolate: false,
    // Most objects die before the first collection then: 37 instead of 40 s of processor time for a third of the gate.
    execArgv: ['--max-semi-space-size=64'],
    // Most tests start processes, so that more side by side are slower.
    maxWorkers: 2,
    // These only end what hangs. No test depends on how fast the machine is.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    silent: 'passed-only',
    // A test that passes at its second attempt has found something.
    retry: 0,
  },
});
