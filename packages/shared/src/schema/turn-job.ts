import { z } from 'zod';
import { sessionIdSchema, turnIdSchema } from '../session-id.js';
import { promptSchema } from './prompt.js';
import { metadataSchema, onBusySchema, onInterruptedSchema, type TurnRequest } from './turn.js';

/**
 * The data of a job that any BullMQ client adds to `turns`: a turn that is admitted when a worker takes the job, and so not
 * before it is due. Published as JSON Schema: `docs/turn-job.schema.json`.
 */
export const turnJobSchema = z
  .strictObject({
    sessionId: sessionIdSchema
      .optional()
      .describe('The session; absent: an agent of its own answers this one prompt and is discarded'),
    prompt: promptSchema.describe('Text, or content blocks as in the Messages API'),
    profile: z
      .string()
      .min(1)
      .optional()
      .describe('The profile of a new session; must not differ from that of a known one'),
    turnId: turnIdSchema
      .optional()
      .describe('Idempotency key within the session; absent: made from queue, job id, timestamp and attempts made'),
    metadata: metadataSchema.optional().describe('Free data that comes back with the result; at most 16 KiB as JSON'),
    onInterrupted: onInterruptedSchema
      .optional()
      .describe('retry: run again even after a tool that changes things had started'),
    onBusy: onBusySchema
      .optional()
      .describe('When turns of the session wait or run: wait (default), fail, or stop the one that runs and go ahead'),
    expiresIn: z.number().int().positive().optional().describe('ms after it is due until the turn must have begun'),
  })
  .describe('A turn for Hearth, as data of a BullMQ job in the queue `turns`');
export type TurnJob = z.infer<typeof turnJobSchema>;

/** What such a job asks of its turn; `priority` is the job's own. */
export const turnRequestOf = (
  { prompt, metadata, onInterrupted = 'fail' }: TurnJob,
  priority: number | undefined,
): TurnRequest => ({
  prompt,
  ...(metadata === undefined ? {} : { metadata }),
  // BullMQ's 0 is none.
  ...(priority ? { priority } : {}),
  onInterrupted,
});

/** The same as JSON Schema (draft 2020-12). */
export const turnJobJsonSchema = (): object => z.toJSONSchema(turnJobSchema, { io: 'input', unrepresentable: 'any' });
