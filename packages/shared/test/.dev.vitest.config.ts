import { defineConfig } from 'vitest/config';
export default defineConfig({
  root: '/work/main',
  test: {
    include: ['packages/shared/test/**/*.test.ts'],
    provide: { redisUrl: 'redis://127.0.0.1:16391' },
    testTimeout: 30_000,
  } as never,
});
