import { z } from 'zod';
import { errorBodySchema } from '../errors/hearth-error.js';
import { jsonObjectSchema } from './json.js';
import { promptSchema } from './prompt.js';

/** How a turn met its agent; see the design's words. */
export const warmthSchema = z.enum(['hot', 'spare', 'resumed', 'cold']);
export type Warmth = z.infer<typeof warmthSchema>;

/** Free data of the caller, at most 16 KiB as JSON: tags, a title, who asked. Hearth stores and returns it, no more. */
export const metadataSchema = jsonObjectSchema.refine(
  (value) => JSON.stringify(value).length <= 16 * 1024,
  'at most 16 KiB as JSON',
);
export type Metadata = z.infer<typeof metadataSchema>;

/** What to do with a turn that was cut off after a tool that can change things had started (P7). */
export const onInterruptedSchema = z.enum(['fail', 'retry']);

/** What becomes of a turn whose session has turns that wait or run: it waits, is refused, or stops the one that runs and goes ahead of those that wait. */
export const onBusySchema = z.enum(['enqueue', 'reject', 'interrupt']);
export type OnBusy = z.infer<typeof onBusySchema>;

/** BullMQ's range; a lower number is served first, and none at all before any. */
export const prioritySchema = z.number().int().min(1).max(2_097_152);

/** What the turn log keeps of a submit. */
export const turnRequestSchema = z.object({
  prompt: promptSchema,
  metadata: metadataSchema.optional(),
  onInterrupted: onInterruptedSchema.default('fail'),
  /** BullMQ's priority of its doorbells: 1 is the highest, absent comes before all. */
  priority: prioritySchema.optional(),
});
export type TurnRequest = z.infer<typeof turnRequestSchema>;

/** Tokens of one turn: the difference of the agent's cumulative counters. */
const tokensSchema = z.object({
  input: z.number(),
  output: z.number(),
  cacheRead: z.number(),
  cacheWrite: z.number(),
});
export type Tokens = z.infer<typeof tokensSchema>;

/** Where a turn's time went, in milliseconds, all counted from submit but `toolsMs`. */
const timingsSchema = z.object({
  /** Submit → the worker begins it. */
  queuedMs: z.number(),
  /** Submit → first thing the agent says or does; absent when it said nothing. */
  firstEventMs: z.number().optional(),
  /** Time in which at least one tool ran. */
  toolsMs: z.number(),
  /** Time in which at least one permission request waited for an answer. */
  askedMs: z.number(),
  /** Submit → commit. */
  totalMs: z.number(),
});

/** A completed message of the assistant: the record, where deltas are previews. */
export const messageSchema = z.object({
  messageId: z.string(),
  role: z.literal('assistant'),
  /** Content blocks as the API gave them. */
  content: z.array(z.looseObject({ type: z.string() })),
  /** Set when a sub-agent said it: the tool use that started the sub-agent. */
  parentToolUseId: z.string().optional(),
});
export type Message = z.infer<typeof messageSchema>;

const outcomeFields = {
  sessionId: z.string(),
  turnId: z.string(),
  seq: z.number().int(),
  /** The answer's text; on failure, what was said so far. */
  text: z.string(),
  attempt: z.number().int(),
  /** US dollars: difference of the agent's cumulative `total_cost_usd`. */
  costUsd: z.number(),
  tokens: tokensSchema,
  /** Absent when the turn failed before it met an agent; so are the next three. */
  warmth: warmthSchema.optional(),
  workerId: z.string(),
  pid: z.number().int().optional(),
  claudeSessionId: z.string().optional(),
  /** False when the transcript could not be confirmed in time: the memory of this turn may be lost on resume. */
  durable: z.boolean(),
  toolCount: z.number().int(),
  timings: timingsSchema,
  metadata: metadataSchema.optional(),
};

/** The one committed result of a turn. */
export const turnResultSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('finished'), ...outcomeFields }),
  z.object({ status: z.literal('failed'), error: errorBodySchema, ...outcomeFields }),
]);
export type TurnResult = z.infer<typeof turnResultSchema>;

/** A turn as the session store has it. */
export interface TurnRecord {
  sessionId: string;
  turnId: string;
  seq: number;
  /** Redis' clock, ms since 1970. */
  submittedAt: number;
  state: 'queued' | 'running' | 'finished' | 'failed';
  request: TurnRequest;
  attempts: number;
  /** Id of the last event before its first. */
  cursor?: number;
  /** Id of the event that is its ending; present once committed. */
  outcomeEvent?: number;
  /** Until when it has to begin, Redis' clock, ms since 1970. */
  expiresAt?: number;
  /** Names of the tools that passed the gate in any attempt, in order. */
  toolsReached: string[];
  result?: TurnResult;
  /** The record of what was said; present once committed. */
  messages?: Message[];
}
