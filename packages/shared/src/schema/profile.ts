import { z } from 'zod';
import { profileFields } from './profile-fields.js';

type Shape = { [Name in keyof typeof profileFields]: (typeof profileFields)[Name]['schema'] };

const shape = Object.fromEntries(Object.entries(profileFields).map(([name, { schema }]) => [name, schema])) as Shape;

/** A named launch specification on the worker. Every field is optional. What is left out is the CLI's own default. */
export const profileSchema = z.strictObject(shape);
export type Profile = z.infer<typeof profileSchema>;

/** Profile name → profile. `default` always exists. */
export const profilesSchema = z
  .record(z.string().regex(/^[a-zA-Z0-9._-]{1,64}$/, 'a profile name: 1–64 of a-z A-Z 0-9 . _ -'), profileSchema)
  .transform((profiles) => ({ default: profileSchema.parse({}), ...profiles }));
export type Profiles = Record<string, Profile>;

/** The profile of a session whose first turn names none. */
export const defaultProfile = 'default';
