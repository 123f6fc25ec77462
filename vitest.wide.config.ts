import { defineConfig, mergeConfig } from 'vitest/config';
import gate, { wideTests } from './vitest.config.js';

/** The tests that need volume: many sessions, many turns, long explorations. One file after the other, each with all cores. */
export default mergeConfig(
  { ...gate, test: { ...gate.test, include: [], exclude: [] } },
  defineConfig({
    test: { include: wideTests, exclude: ['**/node_modules/**', '**/dist/**'], maxWorkers: 1, testTimeout: 900_000 },
  }),
);
