import { expect, it } from 'vitest';
import { runProperty } from './property/run-property.js';

it('the store equals the model after every step of 200 random schedules with lost replies', async () => {
  const { failed, report } = await runProperty({ numRuns: 200, endOnFailure: true, timeout: 30_000 });
  expect(failed, report).toBe(false);
});
