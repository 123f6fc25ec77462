import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { mutants, plant } from './property/mutants.js';
import { runProperty } from './property/run-property.js';

/** Mutant → the schedule of the seed that notices it. It is tried first, because a search takes hundreds of schedules. The test updates the file. */
const noticedBy = new URL('./property/mutants.noticed.json', import.meta.url);
const known = JSON.parse(readFileSync(noticedBy, 'utf8')) as Record<string, string>;
const found: Record<string, string> = {};

// The property notices each mutant of a script. The seed is fixed, so the schedules that notice are always the same.
describe('the property fails', () => {
  afterAll(() => {
    const isWhole = mutants.every(({ without }) => without in found);
    const text = `${JSON.stringify(found, null, 2)}\n`;
    if (isWhole && text !== readFileSync(noticedBy, 'utf8')) writeFileSync(noticedBy, text);
  });

  it.each(mutants)(
    'without $without',
    async (mutant) => {
      const params = { numRuns: 400, seed: 2026, endOnFailure: true };
      const run = (path?: string) =>
        runProperty({ ...params, ...(path === undefined ? {} : { path }) }, plant(mutant), mutant.noticedBy ?? 'core');
      const path = known[mutant.without];
      let outcome = path === undefined ? undefined : await run(path);
      if (!outcome?.failed) outcome = await run();
      expect(outcome.failed, 'no schedule noticed the mutant').toBe(true);
      expect(outcome.report, 'the mutant does not compile').not.toContain('Error compiling script');
      found[mutant.without] = path !== undefined && outcome.path === path ? path : (outcome.path ?? '');
    },
    120_000,
  );
});
