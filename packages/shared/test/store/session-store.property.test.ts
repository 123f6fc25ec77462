import { expect, it } from 'vitest';
import { runProperty } from './property/run-property.js';

/**
 * To repeat a failure, pass `seed` and `path` of its report to `runProperty`. Without `endOnFailure` it searches for a shorter schedule,
 * which can take minutes.
 */
it('the store equals the model after every step of random schedules with lost replies', async () => {
  const { failed, report } = await runProperty({ numRuns: 25, endOnFailure: true, timeout: 30_000 });
  expect(failed, report).toBe(false);
});
