import { randomUUID } from 'node:crypto';
import type { TurnResult } from '@hearth/producer';
import { describeError, type ErrorCode, type Tokens } from '@hearth/shared';

/** One line of the CLI. */
export type Line = { type: string; [field: string]: unknown };

/** Observations of a turn that its result needs. */
export interface Said {
  /** How many messages of the main assistant there were. The CLI calls them turns. */
  messages: number;
  denials: { tool_name: string; tool_use_id: string; tool_input: unknown }[];
}

/** Usage of the turns of a call. */
export interface Used {
  tokens: Tokens;
  costUsd: number;
}

/** Values of a result beyond its turn. */
export interface Surroundings extends Said {
  model: string;
  /** The total cost of the session. */
  totalCostUsd: number;
  /** Tokens and cost of this call, this turn included. */
  used: Used;
  /** The index of the result in this call, from 0. */
  index: number;
}

/** The CLI's name for the outcome. */
interface Ending {
  subtype: string;
  is_error: boolean;
  stop_reason: string | null;
  terminal_reason: string;
  result?: string;
  errors?: string[];
  api_error_status?: number | null;
}

/** The `result` line of a turn, without the fields of all lines. */
export function resultLine(
  result: TurnResult,
  { messages, denials, model, totalCostUsd, used, index }: Surroundings,
): Line {
  const { timings, tokens } = result;
  const ending = endingOf(result);
  const apiMs = timings.totalMs - timings.queuedMs - timings.toolsMs - timings.askedMs;
  const firstMs = ending.is_error ? undefined : timings.firstEventMs;
  return {
    type: 'result',
    ...ending,
    duration_ms: Math.round(timings.totalMs),
    duration_api_ms: Math.max(0, Math.round(apiMs)),
    ...(firstMs === undefined ? {} : { ttft_ms: Math.round(firstMs) }),
    num_turns: Math.max(1, messages),
    total_cost_usd: totalCostUsd,
    usage: usageOf(tokens),
    modelUsage: used.tokens.output === 0 ? {} : { [model]: modelUsageOf(used) },
    permission_denials: denials,
    ...(result.structuredOutput === undefined ? {} : { structured_output: result.structuredOutput }),
    result_index: index,
  };
}

const usageOf = ({ input, output, cacheRead, cacheWrite }: Tokens): object => ({
  input_tokens: input,
  cache_creation_input_tokens: cacheWrite,
  cache_read_input_tokens: cacheRead,
  output_tokens: output,
  server_tool_use: { web_search_requests: 0, web_fetch_requests: 0 },
  service_tier: 'standard',
  cache_creation: { ephemeral_1h_input_tokens: 0, ephemeral_5m_input_tokens: 0 },
});

const modelUsageOf = ({ tokens, costUsd }: Used): object => ({
  inputTokens: tokens.input,
  outputTokens: tokens.output,
  cacheReadInputTokens: tokens.cacheRead,
  cacheCreationInputTokens: tokens.cacheWrite,
  webSearchRequests: 0,
  costUSD: costUsd,
});

function endingOf(result: TurnResult): Ending {
  if (result.status === 'finished') {
    return {
      subtype: 'success',
      is_error: false,
      stop_reason: 'end_turn',
      terminal_reason: 'completed',
      result: result.text,
      api_error_status: null,
    };
  }
  const { error } = result;
  if (error.code === 'agent_failed' || error.code === 'prompt_refused') return agentFailed(error.message);
  if (error.code === 'budget_exceeded')
    return { ...execution(describeError(error), 'max_budget'), subtype: 'error_max_budget_usd' };
  const status = refusedWith[error.code];
  if (status !== undefined) return apiError(error.message, status);
  const terminal_reason = error.code === 'interrupted' ? 'aborted_streaming' : error.code;
  return execution(describeError(error), terminal_reason);
}

/** Claude's own message for a failure. */
function agentFailed(message: string): Ending {
  if (message.startsWith('Reached maximum number of turns'))
    return { ...execution(message, 'max_turns'), subtype: 'error_max_turns', stop_reason: 'tool_use' };
  const status = /^API Error: (\d{3})\b/.exec(message)?.[1];
  return apiError(message, status === undefined ? null : Number(status));
}

/** The status with which the model API refused the account. */
const refusedWith: Partial<Record<ErrorCode, number>> = {
  model_limit_reached: 429,
  model_rate_limited: 429,
  model_login_refused: 401,
  model_no_credit: 400,
  model_not_found: 404,
};

const apiError = (message: string, status: number | null): Ending => ({
  subtype: 'success',
  is_error: true,
  stop_reason: 'stop_sequence',
  terminal_reason: 'api_error',
  result: message,
  api_error_status: status,
});

const execution = (error: string, terminal_reason: string): Ending => ({
  subtype: 'error_during_execution',
  is_error: true,
  stop_reason: null,
  terminal_reason,
  errors: [error],
});

/** The output of `--output-format text`. */
export function resultText(line: Line): string {
  if (typeof line['result'] === 'string') return line['result'];
  const [error] = line['errors'] as string[];
  const turns = /^Reached maximum number of turns \((\d+)\)/.exec(error ?? '')?.[1];
  return turns === undefined ? 'Execution error' : `Error: Reached max turns (${turns})`;
}

/** The result for a session that does not exist, in a stream. */
export function noConversationLine(sessionId: string, error: string): Line {
  return {
    type: 'result',
    subtype: 'error_during_execution',
    is_error: true,
    stop_reason: null,
    errors: [error],
    duration_ms: 0,
    duration_api_ms: 0,
    num_turns: 0,
    session_id: sessionId,
    total_cost_usd: 0,
    usage: usageOf({ input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }),
    modelUsage: {},
    permission_denials: [],
    uuid: randomUUID(),
    result_index: 0,
  };
}
