import { z } from 'zod';
import { launchDigestSchema } from './launch-digest.js';

/** What a worker writes into its lease at each renewal. */
export const workerRecordSchema = z.object({
  workerId: z.string(),
  seat: z.number().int(),
  host: z.string(),
  pid: z.number().int(),
  version: z.string(),
  /** ms since 1970, the worker's clock. */
  startedAt: z.number(),
  state: z.enum(['serving', 'draining']),
  /** Places in all, and what fills them. */
  places: z.object({
    total: z.number().int(),
    spare: z.number().int(),
    busy: z.number().int(),
    idle: z.number().int(),
  }),
  /** Profile name → `ok`, or the code of the error its agents fail to start with. */
  profiles: z.record(z.string(), z.string()),
  /** Profile name → what it launches. */
  launches: z.record(z.string(), launchDigestSchema).default({}),
});
export type WorkerRecord = z.infer<typeof workerRecordSchema>;
