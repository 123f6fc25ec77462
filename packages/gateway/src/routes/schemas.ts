import {
  eventSchema,
  messageSchema,
  permissionAnswerSchema,
  permissionRequestSchema,
  sessionIdSchema,
  sessionStates,
  turnIdSchema,
  turnRequestSchema,
  turnResultSchema,
  warmthSchema,
  workerRecordSchema,
} from '@hearth/shared';
import { z } from 'zod';
import { scopes } from '../auth/grant.js';
import { problemSchema } from '../http/problem.js';

export const sessionParams = z.object({ sessionId: sessionIdSchema });
export const turnParams = z.object({ sessionId: sessionIdSchema, turnId: turnIdSchema });

/** A number in a query. */
export const queryNumber = (schema: z.ZodNumber) =>
  z
    .string()
    .regex(/^\d+(\.\d+)?$/, 'a number')
    .transform(Number)
    .pipe(schema);

/** How long a request waits for something, at most ten minutes. */
export const waitQuery = (description: string) => queryNumber(z.number().max(600)).optional().describe(description);

/** A `SessionSummary`, in JSON. */
export const sessionSchema = z.object({
  sessionId: z.string(),
  incarnation: z.string(),
  state: z.enum(sessionStates),
  profile: z.string(),
  owner: z.string().optional(),
  workerNumber: z.number().int().optional(),
  epoch: z.number().int(),
  waiting: z.number().int(),
  turns: z.number().int(),
  costUsd: z.number(),
  createdAt: z.number(),
  usedAt: z.number(),
  claudeSessionId: z.string().optional(),
  lastEvent: z.number().int(),
});

/** A `TurnRecord`. */
export const turnSchema = z.object({
  sessionId: z.string(),
  turnId: z.string(),
  seq: z.number().int(),
  submittedAt: z.number(),
  state: z.enum(['queued', 'running', 'finished', 'failed']),
  request: turnRequestSchema,
  attempts: z.number().int(),
  cursor: z.number().int().optional(),
  outcomeEvent: z.number().int().optional(),
  expiresAt: z.number().optional(),
  toolsReached: z.array(z.string()),
  result: turnResultSchema.optional(),
  messages: z.array(messageSchema).optional(),
});

export const acceptedSchema = z.object({
  sessionId: z.string(),
  turnId: z.string(),
  /** Its position in the session. Absent while it is delayed. */
  seq: z.number().int().optional(),
  /** How many turns of the session come before it. Absent while it is delayed. */
  position: z.number().int().optional(),
});

export const interruptionSchema = z.union([
  z.object({ kind: z.enum(['interrupted', 'ended']), result: turnResultSchema }),
  z.object({ kind: z.literal('idle') }),
]);

export const warmedSchema = z.object({ workerId: z.string(), pid: z.number().int(), warmth: warmthSchema });

export const queueSchema = z.object({
  name: z.string(),
  waiting: z.number().int(),
  active: z.number().int(),
  delayed: z.number().int(),
  failed: z.number().int(),
});

export const meSchema = z.object({
  /** False: there are no tokens, so every caller may do everything. */
  authentication: z.boolean(),
  name: z.string(),
  scope: z.enum(scopes),
  prefix: z.string().optional(),
  sessionId: z.string().optional(),
  /** When the sign-in or the token expires, ms since 1970. */
  expiresAt: z.number().optional(),
  /** What a signed-in browser sends as `x-csrf-token` with its writes. */
  csrfToken: z.string().optional(),
});

/** An event in a stream. */
export const streamedSchema = z.union([
  z.intersection(eventSchema, z.object({ id: z.string() })),
  z.object({ type: z.literal('stream.expired'), id: z.string() }),
]);

/** Names of schemas in the document. */
export const namedSchemas = {
  Problem: problemSchema,
  Session: sessionSchema,
  Turn: turnSchema,
  TurnRequest: turnRequestSchema,
  TurnResult: turnResultSchema,
  Message: messageSchema,
  Accepted: acceptedSchema,
  PermissionRequest: permissionRequestSchema,
  PermissionAnswer: permissionAnswerSchema,
  Worker: workerRecordSchema,
  Queue: queueSchema,
  Me: meSchema,
  StreamEvent: streamedSchema,
};
