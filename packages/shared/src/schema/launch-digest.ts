import { createHash } from 'node:crypto';
import { z } from 'zod';
import { fieldsWhere, type Profile } from './profile.js';

/**
 * What a profile launches, so that a caller can check whether a flag of the CLI agrees with it. Prompts, paths and flags are digests,
 * because every caller can read worker records.
 */
export const launchDigestSchema = z.object({
  model: z.string().optional(),
  permissionMode: z.string(),
  /** Field of the profile → {@link digestOf} its value. */
  fields: z.record(z.string(), z.string()),
  /** The digest of each word of `extraArgs`, in order. */
  extraArgs: z.array(z.string()),
});
export type LaunchDigest = z.infer<typeof launchDigestSchema>;

const published = fieldsWhere(({ inDigest }) => inDigest);

export function launchDigest(profile: Profile): LaunchDigest {
  const { model, permissionMode, extraArgs } = profile;
  const fields: Record<string, string> = {};
  for (const name of published) {
    const value = profile[name] as string | number | readonly string[] | undefined;
    if (value !== undefined) fields[name] = digestOf(value);
  }
  return { ...(model === undefined ? {} : { model }), permissionMode, fields, extraArgs: extraArgs.map(digestOf) };
}

/** The digest of a value. It is equal for values that mean the same to the CLI: a list in any order, a number as it is written. */
export function digestOf(value: string | number | readonly string[]): string {
  const text = typeof value === 'object' ? JSON.stringify(value.toSorted()) : String(value);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
