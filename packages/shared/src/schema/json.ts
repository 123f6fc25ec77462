import { z } from 'zod';

/** What reads and writes JSON calls itself for each level: some thousands are more than the stack holds. */
const levelsAtMost = 100;

/** Whether a value is nested deeper than that. Looks level by level, without calling itself. */
export function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let levels = 0; levels <= levelsAtMost; levels += 1) {
    const objects = level.filter((one) => typeof one === 'object' && one !== null);
    if (objects.length === 0) return false;
    // Once each: what holds one thing many times over is no larger for it.
    level = [...new Set(objects.flatMap((one) => Object.values(one as object) as unknown[]))];
  }
  return true;
}

/** An object of JSON. */
export const jsonObjectSchema = z.preprocess(
  (value, context) => {
    if (isTooDeep(value)) context.addIssue({ code: 'custom', message: `nested at most ${levelsAtMost} levels deep` });
    return value;
  },
  z.record(z.string(), z.json()),
);
