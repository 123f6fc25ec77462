import { z } from 'zod';
import { sessionIdSchema, turnIdSchema } from '../session-id.js';

/** The data of a doorbell: "session S has turn n". */
export const doorbellSchema = z.object({
  sessionId: sessionIdSchema,
  turnId: turnIdSchema,
  /** 0: no turn, the session's agent is to be there before one comes. */
  seq: z.number().int().nonnegative(),
  /** Needed before the session is claimed: a worker that lacks the profile leaves the turn alone. */
  profile: z.string(),
  /** First words of the prompt, for Bull Board. */
  preview: z.string(),
});
export type Doorbell = z.infer<typeof doorbellSchema>;

/** Doorbells in Bull Board: the last thousand, at most a day. */
export const doorbellJobOptions = {
  removeOnComplete: { count: 1000, age: 24 * 3600 },
  removeOnFail: { count: 1000, age: 24 * 3600 },
} as const;

/** A doorbell without a turn is noted in no log, so nobody could remove its job with its session: it goes when it has been answered. */
export const turnlessJobOptions = { removeOnComplete: true, removeOnFail: true } as const;
