import { expect, it } from 'vitest';
import { runProperty } from './property/run-property.js';

/**
 * Sized to about 10 s on two cores. To repeat a failure, pass `seed` and `path` of its report to `runProperty`; without
 * `endOnFailure` it looks for a shorter schedule, which can take minutes.
 */
const numRuns = Number(process.env['HEARTH_PROPERTY_RUNS'] ?? 100);

it('whatever producers and workers do, and whichever replies are lost, the store is what the model says', async () => {
  const { failed, report } = await runProperty({ numRuns, endOnFailure: true, timeout: 30_000 });
  expect(failed, report).toBe(false);
}, 600_000);
