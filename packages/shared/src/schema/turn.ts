import { z } from 'zod';
import { errorBodySchema } from '../errors/hearth-error.js';
import { jsonObjectSchema } from './json.js';
import { promptSchema } from './prompt.js';

/** How a turn got its agent. */
export const warmthSchema = z.enum(['hot', 'spare', 'resumed', 'cold']);
export type Warmth = z.infer<typeof warmthSchema>;

/** Free data of the caller (tags, a title, a user), at most 16 KiB as JSON. Hearth only stores and returns it. */
export const metadataSchema = jsonObjectSchema.refine(
  (value) => JSON.stringify(value).length <= 16 * 1024,
  'at most 16 KiB as JSON',
);
export type Metadata = z.infer<typeof metadataSchema>;

/** What happens to a turn that was cut off after a changing tool had started (P7). */
export const onInterruptedSchema = z.enum(['fail', 'retry']);

/** What happens to a new turn while turns of its session wait or run: it waits, is refused, or stops the running turn and overtakes the waiting turns. */
export const onBusySchema = z.enum(['enqueue', 'reject', 'interrupt']);
export type OnBusy = z.infer<typeof onBusySchema>;

/** BullMQ's range. Lower numbers are served first, jobs without a priority before all. */
export const prioritySchema = z.number().int().min(1).max(2_097_152);

/** The part of a submit that the turn log keeps. */
export const turnRequestSchema = z.object({
  prompt: promptSchema,
  metadata: metadataSchema.optional(),
  onInterrupted: onInterruptedSchema.default('fail'),
  /** Priority of the turn's doorbells. */
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

/** Where a turn's time went, ms. */
const timingsSchema = z.object({
  /** Submit → begin. */
  queuedMs: z.number(),
  /** Submit → first output of the agent: text, thinking, a message, a tool, a retry. Absent without one. */
  firstEventMs: z.number().optional(),
  /** Time in which at least one tool ran. */
  toolsMs: z.number(),
  /** Time in which at least one permission request waited for an answer. */
  askedMs: z.number(),
  /** Submit → commit. */
  totalMs: z.number(),
});

/** A completed message of the assistant. It is the record; deltas are previews. */
export const messageSchema = z.object({
  messageId: z.string(),
  role: z.literal('assistant'),
  /** Content blocks as the model API sent them. */
  content: z.array(z.looseObject({ type: z.string() })),
  /** The tool use that started the sub-agent which the message is from. */
  parentToolUseId: z.string().optional(),
});
export type Message = z.infer<typeof messageSchema>;

/** What a notice is about. Codes are stable, because programs switch on them. */
export const noticeSchema = z.object({
  code: z.enum([
    /** Hearth declined a request of the CLI that it cannot answer, such as a question of an MCP server. */
    'request_declined',
    /** A usage limit of the account is nearly reached. */
    'limit_near',
    /** An MCP server of the agent failed or needs a login, so its tools are missing. */
    'mcp_server_failed',
    /** A hook of the settings stopped the prompt, or ended the turn. */
    'hook_stopped',
    /** A hook of the settings failed, for example at the start of the agent. */
    'hook_failed',
  ]),
  message: z.string(),
});
/** Something besides the conversation that went wrong. */
export type Notice = z.infer<typeof noticeSchema>;

const outcomeFields = {
  sessionId: z.string(),
  turnId: z.string(),
  seq: z.number().int(),
  /** The text of the answer; after a failure, the text so far. */
  text: z.string(),
  /** The value that fits the profile's JSON schema (`--json-schema`). Absent without one. */
  structuredOutput: z.json().optional(),
  /** The first notices of the turn. Absent without any. */
  notices: z.array(noticeSchema).optional(),
  attempt: z.number().int(),
  /** US dollars: difference of the agent's cumulative `total_cost_usd`. */
  costUsd: z.number(),
  tokens: tokensSchema,
  workerId: z.string(),
  /** Absent when the turn failed before it had an agent, like the next two. */
  warmth: warmthSchema.optional(),
  pid: z.number().int().optional(),
  claudeSessionId: z.string().optional(),
  /** False when the transcript was not confirmed in time, so that a resume may lose the memory of this turn. */
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

/** A turn in the session store. */
export interface TurnRecord {
  sessionId: string;
  turnId: string;
  seq: number;
  /** ms since 1970 by Redis' clock. */
  submittedAt: number;
  state: 'queued' | 'running' | 'finished' | 'failed';
  request: TurnRequest;
  attempts: number;
  /** Id of the last event before the turn's first. */
  cursor?: number;
  /** Id of the event with the turn's outcome. Present once committed. */
  outcomeEvent?: number;
  /** When the turn fails unless it has begun, ms since 1970 by Redis' clock. */
  expiresAt?: number;
  /** Names of the tools that passed the gate, in order, over all attempts. */
  toolsReached: string[];
  result?: TurnResult;
  /** Present once committed. */
  messages?: Message[];
}
