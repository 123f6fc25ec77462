import { z } from 'zod';
import { errorBodySchema, HearthError } from '../errors/hearth-error.js';
import { permissionRequestSchema } from './permission.js';
import { messageSchema, turnResultSchema, warmthSchema } from './turn.js';

const ofTurn = { seq: z.number().int() };
const bySubAgent = { parentToolUseId: z.string().optional() };

/** Accepted into the turn log. Appended by the submit script. */
const turnQueued = z.object({
  type: z.literal('turn.queued'),
  ...ofTurn,
  turnId: z.string(),
  position: z.number().int(),
});

/** An owner begins the turn. `attempt` counts from 1, across owners. */
const turnStarted = z.object({
  type: z.literal('turn.started'),
  ...ofTurn,
  turnId: z.string(),
  attempt: z.number().int(),
  workerId: z.string(),
  pid: z.number().int().optional(),
  warmth: warmthSchema.optional(),
});

/** The turn was cut off by the loss of its agent or owner; what was streamed of the lost attempt is void. */
const turnRestarted = z.object({
  type: z.literal('turn.restarted'),
  ...ofTurn,
  turnId: z.string(),
  reason: z.string(),
});

/** Preview of text; `message` is the record. */
const textDelta = z.object({
  type: z.literal('text.delta'),
  ...ofTurn,
  messageId: z.string(),
  text: z.string(),
  ...bySubAgent,
});

/** Preview of thinking. */
const thinkingDelta = z.object({
  type: z.literal('thinking.delta'),
  ...ofTurn,
  messageId: z.string(),
  text: z.string(),
  ...bySubAgent,
});

/** A completed message. */
const message = z.object({ type: z.literal('message'), ...ofTurn, ...messageSchema.shape });

/** A tool passed the gate: from here on it may have effects. */
const toolStarted = z.object({
  type: z.literal('tool.started'),
  ...ofTurn,
  toolUseId: z.string(),
  name: z.string(),
  input: z.string(),
  ...bySubAgent,
});

/** A tool's result is back; `summary` is its first line, cut. */
const toolEnded = z.object({
  type: z.literal('tool.ended'),
  ...ofTurn,
  toolUseId: z.string(),
  name: z.string(),
  ok: z.boolean(),
  summary: z.string(),
  durationMs: z.number(),
  ...bySubAgent,
});

/** A tool waits for a permission; whoever holds the session may answer, once. Void once its turn restarts or ends. */
const permissionRequested = z.object({
  type: z.literal('permission.requested'),
  ...permissionRequestSchema.shape,
  ...bySubAgent,
});

/** A permission request has its answer, or needs none any more. */
const permissionResolved = z.object({
  type: z.literal('permission.resolved'),
  ...ofTurn,
  requestId: z.string(),
  name: z.string(),
  decision: z.enum(['allow', 'deny', 'withdrawn']),
  /** `deadline`: nobody answered in time; `unwatched`: nobody was there, and the profile does not wait; `agent`: it withdrew the request. */
  by: z.enum(['answer', 'deadline', 'unwatched', 'agent']),
  message: z.string().optional(),
});

/** Somebody wants the turn to stop; its ending follows. */
const turnInterrupting = z.object({ type: z.literal('turn.interrupting'), ...ofTurn, turnId: z.string() });

/** The agent repeats a call to the model API: a sign of life, not a failure. */
const retry = z.object({
  type: z.literal('retry'),
  ...ofTurn,
  attempt: z.number().int(),
  delayMs: z.number(),
  reason: z.string(),
});

/** What the agent says of its own state (compacting, requesting, …). */
const status = z.object({ type: z.literal('status'), ...ofTurn, status: z.string() });

const turnFinished = z.object({
  type: z.literal('turn.finished'),
  ...ofTurn,
  turnId: z.string(),
  result: turnResultSchema,
});

const turnFailed = z.object({
  type: z.literal('turn.failed'),
  ...ofTurn,
  turnId: z.string(),
  error: errorBodySchema,
  result: turnResultSchema,
});

/** The session's agent is there, before any prompt. */
const sessionWarmed = z.object({
  type: z.literal('session.warmed'),
  workerId: z.string(),
  pid: z.number().int(),
  warmth: warmthSchema,
});

/** The session was to be warmed, and its agent did not start. */
const sessionWarmFailed = z.object({ type: z.literal('session.warm_failed'), error: errorBodySchema });

/** The session was closed: nothing follows. The same name may be opened again, as another session. */
const sessionClosed = z.object({ type: z.literal('session.closed') });

/** One entry of a session's stream, without its id. */
export const eventSchema = z.discriminatedUnion('type', [
  turnQueued,
  turnStarted,
  turnRestarted,
  textDelta,
  thinkingDelta,
  message,
  toolStarted,
  toolEnded,
  permissionRequested,
  permissionResolved,
  turnInterrupting,
  retry,
  status,
  turnFinished,
  turnFailed,
  sessionWarmed,
  sessionWarmFailed,
  sessionClosed,
]);
export type HearthEvent = z.infer<typeof eventSchema>;
export type HearthEventOf<T extends HearthEvent['type']> = Extract<HearthEvent, { type: T }>;

/**
 * Where a reader is: after event `id` of one incarnation of a session. Ids are dense from 1.
 * Written `<incarnation>.<id>`; of a session that is not there (yet), `.0`: whoever comes back with it reads the next one from its beginning.
 */
export interface Cursor {
  incarnation: string;
  id: number;
}
export const formatCursor = (cursor: Cursor): string => `${cursor.incarnation}.${cursor.id}`;

/** The inverse of {@link formatCursor}. @throws HearthError `invalid_options` */
export function parseCursor(text: string): Cursor {
  const match = /^([0-9a-f]*)\.(\d+)$/.exec(text);
  if (match === null) {
    throw new HearthError('invalid_options', `${JSON.stringify(text)} is no place in a stream.`, {
      field: 'after',
      expected: 'the id of an event, as a reader got it',
      wayOut: 'Pass the id of the last event you have, or leave it out.',
    });
  }
  return { incarnation: match[1] ?? '', id: Number(match[2]) };
}

/** Made by a reader, never stored: what lies between its cursor and this id is no longer kept. */
export interface StreamExpired {
  type: 'stream.expired';
  id: string;
}

/** An event as a reader gets it: with its id, as a cursor one can come back with. */
export type StreamedEvent = HearthEvent & { id: string };
