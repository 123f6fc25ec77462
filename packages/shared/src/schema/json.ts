import { z } from 'zod';
import { wellFormed } from '../text.js';

/** JSON is read and written recursively, so some thousands of levels overflow the stack. */
const levelsAtMost = 100;

/** Whether a value has more than {@link levelsAtMost} levels. Works without recursion. */
export function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let levels = 0; levels <= levelsAtMost; levels += 1) {
    const objects = level.filter((one) => typeof one === 'object' && one !== null);
    if (objects.length === 0) return false;
    // Each object counts once, so that shared references do not multiply the work.
    level = [...new Set(objects.flatMap((one) => Object.values(one as object) as unknown[]))];
  }
  return true;
}

export const jsonObjectSchema = z.preprocess(
  (value, context) => {
    if (!isTooDeep(value)) return wellFormed(value);
    context.addIssue({ code: 'custom', message: `nested at most ${levelsAtMost} levels deep` });
    return value;
  },
  z.record(z.string(), z.json()),
);
