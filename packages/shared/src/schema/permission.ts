import { z } from 'zod';
import { jsonObjectSchema } from './json.js';

/** What a tool wants to be given, as whoever may give it sees it. */
export const permissionRequestSchema = z.object({
  /** Names the request in an answer. */
  requestId: z.string(),
  seq: z.number().int(),
  toolUseId: z.string(),
  /** The tool; `AskUserQuestion` is answered with its `questions` and an `answers` object as `input`. */
  name: z.string(),
  /** The tool's whole input. */
  input: z.json(),
  /** The agent's own suggestions of what could be allowed beyond this once, in its words; an answer names them by index. */
  suggestions: z.array(z.json()),
  /** When it is denied by itself, Redis' clock, ms since 1970. */
  expiresAt: z.number(),
});
export type PermissionRequest = z.infer<typeof permissionRequestSchema>;

/** What somebody answers to a permission request. */
export const permissionAnswerSchema = z.discriminatedUnion('decision', [
  z.strictObject({
    decision: z.literal('allow'),
    /** The input the tool gets instead of its own. */
    input: jsonObjectSchema.optional(),
    /** Indices of the request's suggestions that are to hold from now on ("always"). */
    suggestions: z.array(z.number().int().nonnegative()).max(100).optional(),
  }),
  z.strictObject({
    decision: z.literal('deny'),
    /** What Claude is told. */
    message: z.string().min(1).max(10_000).optional(),
    /** Ends the turn too: it fails with `interrupted`. */
    endTurn: z.boolean().optional(),
  }),
]);
export type PermissionAnswer = z.infer<typeof permissionAnswerSchema>;
