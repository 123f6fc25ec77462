/**
 * The lines of the CLI's stream-json output that Hearth uses. The fields Hearth uses are checked, all others are ignored. Source: Claude
 * Code 2.1.329, observed.
 */
import { wellFormed } from '@hearth/shared/text';
import { z } from 'zod';

const parentToolUseId = z.string().nullish();
const block = z.looseObject({ type: z.string() });
const text = z.string().optional().catch(undefined);
const number = z.number().optional().catch(undefined);

const streamEvent = z.looseObject({
  type: z.literal('stream_event'),
  parent_tool_use_id: parentToolUseId,
  event: z.looseObject({
    type: z.string(),
    message: z.looseObject({ id: z.string() }).optional(),
    delta: z
      .looseObject({ type: z.string().optional(), text: z.string().optional(), thinking: z.string().optional() })
      .optional(),
  }),
});

const assistant = z.looseObject({
  type: z.literal('assistant'),
  uuid: z.string().optional(),
  parent_tool_use_id: parentToolUseId,
  /** The model API's error, by the CLI's name, when the CLI made the message because of it. */
  error: text,
  message: z.looseObject({ id: z.string(), content: z.array(block) }),
});

const user = z.looseObject({
  type: z.literal('user'),
  parent_tool_use_id: parentToolUseId,
  message: z.looseObject({ content: z.union([z.string(), z.array(block)]) }),
});

const system = z.looseObject({
  type: z.literal('system'),
  subtype: z.string(),
  status: z.string().nullish(),
  attempt: z.number().optional(),
  retry_delay_ms: z.number().optional(),
  error_status: z.number().nullish(),
  error: z.string().nullish(),
  /** Fields of `init`. */
  mcp_servers: z
    .array(z.looseObject({ name: z.string(), status: z.string() }))
    .optional()
    .catch(undefined),
  /** Fields of `informational`: a message of the CLI itself. */
  content: text,
  prevent_continuation: z.boolean().optional().catch(undefined),
  /** Fields of `hook_response`. */
  hook_name: text,
  outcome: text,
  output: text,
  stderr: text,
});

/** A request of the CLI. Only its id is required, because the CLI waits for an answer whatever the request contains. */
const controlRequest = z.looseObject({
  type: z.literal('control_request'),
  request_id: z.string(),
  request: z
    .looseObject({
      subtype: z.string().catch('unknown'),
      tool_name: text,
      tool_use_id: text,
      input: z.unknown().optional(),
      permission_suggestions: z.array(z.unknown()).nullish().catch(undefined),
      /** Fields of an `elicitation`. */
      mcp_server_name: text,
      message: text,
    })
    .catch({ subtype: 'unknown' }),
});

/**
 * `input` of a `hook_callback` for PreToolUse. Nothing in it is required, because the CLI waits for an answer whatever it contains. A tool
 * without a name counts as one that may change anything.
 */
export const hookInputSchema = z
  .looseObject({
    tool_name: z.string().catch('unknown'),
    tool_use_id: z.string().optional().catch(undefined),
    tool_input: z.unknown().optional(),
    /** Set for a sub-agent's tool. */
    parent_tool_use_id: parentToolUseId.catch(undefined),
  })
  .catch({ tool_name: 'unknown' });

const controlResponse = z.looseObject({
  type: z.literal('control_response'),
  response: z.looseObject({
    subtype: z.string(),
    request_id: z.string(),
    error: z.string().optional(),
    response: z.unknown().optional(),
  }),
});

const controlCancel = z.looseObject({ type: z.literal('control_cancel_request'), request_id: z.string() });

/** The life of a user line with a uuid: `queued`, `started`, `completed`. Seen in 2.1.329, not documented. */
const commandLifecycle = z.looseObject({
  type: z.literal('command_lifecycle'),
  command_uuid: z.string(),
  state: z.string(),
});

/** What the CLI knows of the usage limits of a subscription. Comes when it changes. */
const rateLimitEvent = z.looseObject({
  type: z.literal('rate_limit_event'),
  rate_limit_info: z.looseObject({
    /** `allowed`, `allowed_warning`, `rejected`. */
    status: z.string(),
    /** s since 1970. */
    resetsAt: number,
    rateLimitType: text,
    /** 0 to 1. */
    utilization: number,
  }),
});

const transcriptMirror = z.looseObject({
  type: z.literal('transcript_mirror'),
  filePath: z.string(),
  entries: z.array(z.looseObject({ type: z.string().optional(), uuid: z.string().optional() })),
});

const result = z.looseObject({
  type: z.literal('result'),
  subtype: z.string(),
  is_error: z.boolean(),
  result: z.string().optional(),
  errors: z.array(z.string()).optional(),
  terminal_reason: z.string().nullish(),
  /** The value that fits the schema of `--json-schema`. */
  structured_output: z.json().optional().catch(undefined),
  /** Status of the model API's last answer, when it was an error. */
  api_error_status: z.number().nullish().catch(undefined),
  /** Claude's id of the conversation. It changes with a `/clear`. */
  session_id: z.string().optional(),
  duration_ms: z.number().optional(),
  /** How often the model was called. 0 for a local command. */
  num_turns: z.number().optional(),
  /** Cumulative over the process's life, like `total_cost_usd` and `modelUsage`. */
  duration_api_ms: z.number().optional(),
  total_cost_usd: z.number().optional(),
  modelUsage: z
    .record(
      z.string(),
      z.looseObject({
        inputTokens: z.number().default(0),
        outputTokens: z.number().default(0),
        cacheReadInputTokens: z.number().default(0),
        cacheCreationInputTokens: z.number().default(0),
      }),
    )
    .optional(),
});

const lineSchema = z.discriminatedUnion('type', [
  streamEvent,
  assistant,
  user,
  system,
  controlRequest,
  controlResponse,
  controlCancel,
  commandLifecycle,
  rateLimitEvent,
  transcriptMirror,
  result,
]);
export type Line = z.infer<typeof lineSchema>;
export type LineOf<T extends Line['type']> = Extract<Line, { type: T }>;

/** `unknown`: a line of a type Hearth does not use. `garbage`: not JSON, or a line that lacks a field Hearth needs. */
export type ParsedLine = { kind: 'line'; line: Line } | { kind: 'unknown' } | { kind: 'garbage'; reason: string };

const known = new Set<unknown>(lineSchema.options.map((option) => option.shape.type.value));

/** The escape of half a character. A JSON text without one contains no lone surrogate. */
const surrogateEscape = /\\u[dD][89a-fA-F]/;

export function parseLine(text: string): ParsedLine {
  let json: unknown;
  try {
    json = JSON.parse(text);
    if (surrogateEscape.test(text)) json = wellFormed(json);
  } catch {
    return { kind: 'garbage', reason: 'not JSON' };
  }
  if (typeof json !== 'object' || json === null || !('type' in json)) return { kind: 'garbage', reason: 'no type' };
  if (!known.has(json.type)) return { kind: 'unknown' };
  const parsed = lineSchema.safeParse(json);
  if (parsed.success) return { kind: 'line', line: parsed.data };
  const issue = parsed.error.issues[0];
  return { kind: 'garbage', reason: `${String(json.type)}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}` };
}
