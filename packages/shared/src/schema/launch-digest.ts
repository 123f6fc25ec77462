import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Profile } from './profile.js';

/**
 * What a profile launches, for those who have to know whether a flag of the CLI says what the profile says already. Prompts, paths
 * and flags only as digests: worker records are shown to anybody.
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

/** Fields that no flag of the CLI gives: they are Hearth's own, or hold secrets. */
const ownFields = new Set([
  'env',
  'passEnv',
  'loginFrom',
  'spares',
  'startTimeoutMs',
  'permissionDeadlineMs',
  'permissionUnwatched',
  'workspace',
  'extraArgs',
]);

export function launchDigest(profile: Profile): LaunchDigest {
  const fields = Object.entries(profile).filter(([field]) => !ownFields.has(field));
  return {
    ...(profile.model === undefined ? {} : { model: profile.model }),
    permissionMode: profile.permissionMode,
    fields: Object.fromEntries(fields.map(([field, value]) => [field, digestOf(value as string)])),
    extraArgs: profile.extraArgs.map(digestOf),
  };
}

/** The same for values that mean the same to the CLI: a list in any order, a number as it is written. */
export function digestOf(value: string | number | readonly string[]): string {
  const text = typeof value === 'object' ? JSON.stringify(value.toSorted()) : String(value);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
