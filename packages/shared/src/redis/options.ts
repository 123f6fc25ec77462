import { z } from 'zod';
import { environment } from '../environment.js';

/** The Redis options of producers, workers and gateways. Precedence: option, then environment, then default. */
export const redisOptionsSchema = z.object({
  /** Default: `REDIS_URL`, then `redis://127.0.0.1:6379`. */
  redisUrl: z
    .string()
    .regex(/^rediss?:\/\//, 'a URL that begins with redis:// or rediss://')
    .prefault(() => environment('REDIS_URL') ?? 'redis://127.0.0.1:6379'),
  keyPrefix: z
    .string()
    .regex(/^[^{}\s]{1,100}$/, '1–100 characters without spaces and braces')
    .prefault(() => environment('HEARTH_KEY_PREFIX') ?? 'hearth'),
  queuePrefix: z
    .string()
    .regex(/^\S{1,100}$/, '1–100 characters without spaces')
    .prefault(() => environment('HEARTH_QUEUE_PREFIX') ?? 'bull'),
});
