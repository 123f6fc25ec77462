import { defaultPromptLimits } from '@hearth/shared';
import { defaultStoreLimits, parseInput, redisOptionsSchema } from '@hearth/shared/internal';
import { z } from 'zod';

/** The options of a producer. Precedence: option, then environment variable, then default. */
const producerOptionsSchema = redisOptionsSchema.extend({
  /** Turns that may wait in one session before `backlog_full`. */
  backlogLimit: z.number().int().min(1).max(100_000).default(defaultStoreLimits.backlogLimit),
  /** Largest text prompt, bytes of UTF-8. */
  textPromptMaxBytes: z.number().int().positive().default(defaultPromptLimits.textPromptMaxBytes),
  /** Largest prompt of content blocks, bytes of JSON. */
  blocksPromptMaxBytes: z.number().int().positive().default(defaultPromptLimits.blocksPromptMaxBytes),
  /** How long a call waits for Redis before it fails with `redis_unreachable`, ms. */
  connectTimeoutMs: z.number().int().positive().default(5_000),
});

export type ProducerOptions = z.input<typeof producerOptionsSchema>;
export type ResolvedProducerOptions = z.output<typeof producerOptionsSchema>;

/** @throws HearthError `invalid_options` */
export function resolveProducerOptions(options: ProducerOptions): ResolvedProducerOptions {
  return parseInput(producerOptionsSchema as z.ZodType<ResolvedProducerOptions>, options, 'invalid_options', 'options');
}
