import { z } from 'zod';
import { wellFormed } from '../text.js';
import { jsonObjectSchema } from './json.js';

/** A tool's request for a permission, as callers see it. */
export const permissionRequestSchema = z.object({
  requestId: z.string(),
  seq: z.number().int(),
  toolUseId: z.string(),
  /** The tool. Answer `AskUserQuestion` with its `questions` and an `answers` object as `input`. */
  name: z.string(),
  /** The tool's whole input. */
  input: z.json(),
  /** What else the agent suggests to allow, in its own form. An answer names suggestions by index. */
  suggestions: z.array(z.json()),
  /** When Hearth denies the request for lack of an answer, ms since 1970 by Redis' clock. */
  expiresAt: z.number(),
});
export type PermissionRequest = z.infer<typeof permissionRequestSchema>;

/** A caller's answer to a permission request. */
export const permissionAnswerSchema = z.discriminatedUnion('decision', [
  z.strictObject({
    decision: z.literal('allow'),
    /** Replaces the tool's input. */
    input: jsonObjectSchema.optional(),
    /** Indices of the request's suggestions that apply from now on ("always"). */
    suggestions: z.array(z.number().int().nonnegative()).max(100).optional(),
  }),
  z.strictObject({
    decision: z.literal('deny'),
    /** The message to Claude. */
    message: z.string().min(1).max(10_000).overwrite(wellFormed).optional(),
    /** Whether the turn ends too. It fails with `interrupted`. */
    endTurn: z.boolean().optional(),
  }),
]);
export type PermissionAnswer = z.infer<typeof permissionAnswerSchema>;
