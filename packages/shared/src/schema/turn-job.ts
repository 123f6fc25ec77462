import { z } from 'zod';
import { sessionIdSchema, turnIdSchema } from '../session-id.js';
import { promptSchema } from './prompt.js';
import { metadataSchema, onBusySchema, onInterruptedSchema, type TurnRequest } from './turn.js';

/**
 * The data of a raw job: a turn that any BullMQ client adds to `turns`, and that is submitted when a worker takes the job. Published as
 * JSON Schema in `docs/turn-job.schema.json`.
 */
export const turnJobSchema = z
  .strictObject({
    sessionId: sessionIdSchema
      .optional()
      .describe('The session. Absent: an agent answers this one prompt and is discarded'),
    prompt: promptSchema.describe('Text, or content blocks as in the Messages API'),
    profile: z
      .string()
      .min(1)
      .optional()
      .describe('The profile of a new session. Must not differ from that of a known session'),
    turnId: turnIdSchema
      .optional()
      .describe('Idempotency key within the session. Absent: made from queue, job id, timestamp and attempts made'),
    metadata: metadataSchema.optional().describe('Free data that is returned with the result, at most 16 KiB as JSON'),
    onInterrupted: onInterruptedSchema
      .optional()
      .describe('retry: run the turn again even after a changing tool had started'),
    onBusy: onBusySchema
      .optional()
      .describe(
        'When turns of the session wait or run: wait (default), fail, or stop the running turn and overtake the waiting turns',
      ),
    expiresIn: z
      .number()
      .int()
      .positive()
      .optional()
      .describe('ms from when the job is due until the turn fails unless it has begun'),
  })
  .describe('A turn for Hearth, as data of a BullMQ job in the queue `turns`');
export type TurnJob = z.infer<typeof turnJobSchema>;

/** The turn request of a raw job. `priority` is the job's. */
export const turnRequestOf = (
  { prompt, metadata, onInterrupted = 'fail' }: TurnJob,
  priority: number | undefined,
): TurnRequest => ({
  prompt,
  ...(metadata === undefined ? {} : { metadata }),
  // BullMQ's 0 means no priority.
  ...(priority ? { priority } : {}),
  onInterrupted,
});

/** JSON Schema (draft 2020-12) of a raw job. */
export const turnJobJsonSchema = (): object => z.toJSONSchema(turnJobSchema, { io: 'input', unrepresentable: 'any' });
