import { type Bounds, runSchedule } from './explore.js';
import { allSafeguards } from './rules.js';

/** HEARTH_MODEL_SEED sets another first seed. The schedule of a seed is the same everywhere. */
export const firstSeed = Number(process.env['HEARTH_MODEL_SEED'] ?? 1);
export const strict: Bounds = { steps: 110, turns: 3, mayFailOver: false };
export const failingOver: Bounds = { ...strict, mayFailOver: true };

/** The first schedule with a violation. */
export function firstWrong(count: number, bounds: Bounds, rules = allSafeguards): object | undefined {
  for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
    const { violations, trace } = runSchedule(rules, seed, bounds);
    if (violations.length > 0) return { seed, violations, trace };
  }
  return undefined;
}
