/** The fields of a Messages API request that the simulated model reads. Source: Anthropic's API reference, and requests of the CLI. */
import { z } from 'zod';

const blockSchema = z.looseObject({ type: z.string(), text: z.string().optional(), content: z.unknown().optional() });

export const requestSchema = z.looseObject({
  model: z.string(),
  stream: z.boolean().default(false),
  messages: z.array(z.looseObject({ role: z.string(), content: z.union([z.string(), z.array(blockSchema)]) })),
  tools: z.array(z.unknown()).default([]),
  metadata: z.looseObject({ user_id: z.string().optional() }).optional(),
});
export type ModelRequest = z.infer<typeof requestSchema>;
