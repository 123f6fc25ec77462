import { z } from 'zod';
import { errorBodySchema, HearthError } from '../errors/hearth-error.js';
import { permissionRequestSchema } from './permission.js';
import { messageSchema, noticeSchema, turnResultSchema, warmthSchema } from './turn.js';

const event = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.object({ type: z.literal(type), ...shape });
const turnEvent = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  event(type, { seq: z.number().int(), ...shape });
const turnId = z.string();
/** The tool use that started the sub-agent which the event is from. */
const fromSubAgent = { parentToolUseId: z.string().optional() };

/** One entry of a session's stream, without its id. */
export const eventSchema = z.discriminatedUnion('type', [
  /** Accepted into the turn log. The submit script appends it. */
  turnEvent('turn.queued', { turnId, position: z.number().int() }),
  /** An owner begins the turn. `attempt` counts from 1, across owners. */
  turnEvent('turn.started', {
    turnId,
    attempt: z.number().int(),
    workerId: z.string(),
    pid: z.number().int().optional(),
    warmth: warmthSchema.optional(),
  }),
  /** The turn lost its agent or owner. Previews of the lost attempt are void. */
  turnEvent('turn.restarted', { turnId, reason: z.string() }),
  /** Preview of text. The `message` is the record. */
  turnEvent('text.delta', { messageId: z.string(), text: z.string(), ...fromSubAgent }),
  turnEvent('thinking.delta', { messageId: z.string(), text: z.string(), ...fromSubAgent }),
  /** A completed message. */
  turnEvent('message', messageSchema.shape),
  /** A tool passed the gate, so it may have effects from here on. */
  turnEvent('tool.started', { toolUseId: z.string(), name: z.string(), input: z.string(), ...fromSubAgent }),
  /** A tool returned its result. `summary` is its first line, cut. */
  turnEvent('tool.ended', {
    toolUseId: z.string(),
    name: z.string(),
    ok: z.boolean(),
    summary: z.string(),
    durationMs: z.number(),
    ...fromSubAgent,
  }),
  /** A tool waits for a permission. The request is void once its turn restarts or ends. */
  event('permission.requested', { ...permissionRequestSchema.shape, ...fromSubAgent }),
  /** A permission request is resolved. */
  turnEvent('permission.resolved', {
    requestId: z.string(),
    name: z.string(),
    decision: z.enum(['allow', 'deny', 'withdrawn']),
    /** `unwatched`: no process read the events, and the profile does not wait. `agent`: it withdrew the request. */
    by: z.enum(['answer', 'deadline', 'unwatched', 'agent']),
    message: z.string().optional(),
  }),
  /** A caller interrupted the turn. The turn's outcome follows. */
  turnEvent('turn.interrupting', { turnId }),
  /** The agent repeats a call to the model API: a sign of life, not a failure. */
  turnEvent('retry', { attempt: z.number().int(), delayMs: z.number(), reason: z.string() }),
  /** What the agent reports of its own state (compacting, requesting, …). */
  turnEvent('status', { status: z.string() }),
  /** Something besides the conversation went wrong. The turn goes on. */
  turnEvent('notice', noticeSchema.shape),
  turnEvent('turn.finished', { turnId, result: turnResultSchema }),
  turnEvent('turn.failed', { turnId, error: errorBodySchema, result: turnResultSchema }),
  /** The session has its agent before any prompt. */
  event('session.warmed', { workerId: z.string(), pid: z.number().int(), warmth: warmthSchema }),
  /** The session was to be warmed, and its agent did not start. */
  event('session.warm_failed', { error: errorBodySchema }),
  /** A notice while no turn runs. */
  event('session.notice', noticeSchema.shape),
  /** The session is closed, and nothing follows. The same name may be opened again, as another session. */
  event('session.closed', {}),
]);
export type HearthEvent = z.infer<typeof eventSchema>;
export type HearthEventOf<T extends HearthEvent['type']> = Extract<HearthEvent, { type: T }>;

/**
 * A reader's position: after event `id` of one incarnation of a session. Ids are dense from 1. It is written `<incarnation>.<id>`. The
 * cursor of a session that does not exist yet is `.0`, and a reader with it reads the next incarnation from its first event.
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
    throw new HearthError('invalid_options', `${JSON.stringify(text)} is not the id of an event.`, {
      field: 'after',
      expected: 'the id of an event, as a reader got it',
      wayOut: 'Pass the id of the last event you have, or leave it out.',
    });
  }
  return { incarnation: match[1] ?? '', id: Number(match[2]) };
}

/** Made by a reader and never stored: the stream no longer has the events between the reader's cursor and this id. */
export interface StreamExpired {
  type: 'stream.expired';
  id: string;
}

/** An event as a reader gets it. Its id is a cursor to come back with. */
export type StreamedEvent = HearthEvent & { id: string };
