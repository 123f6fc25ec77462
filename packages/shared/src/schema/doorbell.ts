import { z } from 'zod';
import { sessionIdSchema, turnIdSchema } from '../session-id.js';
import { promptPreview } from './prompt.js';
import type { TurnRequest } from './turn.js';

/** The data of a doorbell: "session S has turn n". */
export const doorbellSchema = z.object({
  sessionId: sessionIdSchema,
  turnId: turnIdSchema,
  /** 0: the doorbell has no turn and warms the session. */
  seq: z.number().int().nonnegative(),
  /** The worker needs it before the claim, because it leaves sessions of unknown profiles to other workers. */
  profile: z.string(),
  /** First words of the prompt, for Bull Board. */
  preview: z.string(),
});
export type Doorbell = z.infer<typeof doorbellSchema>;

/** Makes the doorbell of a turn. */
export function turnDoorbell(turn: Omit<Doorbell, 'preview'> & { request: Pick<TurnRequest, 'prompt'> }): Doorbell {
  const { request, ...doorbell } = turn;
  return { ...doorbell, preview: promptPreview(request.prompt) };
}

/** Makes the doorbell that warms a session. */
export function warmDoorbell(sessionId: string, profile: string): Doorbell {
  return { sessionId, turnId: 'warm', seq: 0, profile, preview: '' };
}

/** How long Bull Board shows ended doorbells: the last thousand, at most a day. */
export const doorbellJobOptions = {
  removeOnComplete: { count: 1000, age: 24 * 3600 },
  removeOnFail: { count: 1000, age: 24 * 3600 },
} as const;

/** A doorbell without a turn is in no log, so closing its session does not find its job. BullMQ removes the job when it ends. */
export const turnlessJobOptions = { removeOnComplete: true, removeOnFail: true } as const;
