import { expect, it } from 'vitest';
import { runProperty } from './property/run-property.js';

/**
 * Takes about 10 s on two cores. To repeat a failure, pass `seed` and `path` of its report to `runProperty`. Without `endOnFailure` it
 * searches for a shorter schedule, which can take minutes.
 */
const numRuns = Number(process.env['HEARTH_PROPERTY_RUNS'] ?? 100);

it('the store equals the model after every step of random schedules with lost replies', async () => {
  const { failed, report } = await runProperty({ numRuns, endOnFailure: true, timeout: 30_000 });
  expect(failed, report).toBe(false);
}, 600_000);
