import { describe, expect, it } from 'vitest';
import { mutants, plant } from './property/mutants.js';
import { runProperty } from './property/run-property.js';

// The model has teeth: whatever is taken out of a script, the property notices. The seed is fixed, so the schedules that
// notice are always the same.
describe('the property fails', () => {
  it.each(mutants)(
    'without $without',
    async (mutant) => {
      const params = { numRuns: 400, seed: 2026, endOnFailure: true };
      const { failed, report } = await runProperty(params, plant(mutant), mutant.noticedBy ?? 'core');
      expect(failed, 'nothing noticed the mutant').toBe(true);
      expect(report, 'the mutant is no script').not.toContain('Error compiling script');
    },
    120_000,
  );
});
