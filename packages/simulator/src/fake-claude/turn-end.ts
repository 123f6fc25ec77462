import { randomUUID } from 'node:crypto';
import type { Line } from './output.js';
import type { ToolCall } from './permissions.js';

/** How a turn ended, before it is told. */
export interface TurnEnd {
  subtype: 'success' | 'error_during_execution' | 'error_max_turns';
  isError: boolean;
  /** Absent when there are `errors`. */
  text?: string;
  errors?: readonly string[];
  terminalReason: 'completed' | 'aborted_streaming' | 'aborted_tools' | 'api_error' | 'max_turns' | undefined;
  stopReason: string | null;
  apiErrorStatus?: number | null;
  /** Calls of the model; an interrupt counts as one more. */
  rounds: number;
  denials: readonly ToolCall[];
  inputTokens: number;
  outputTokens: number;
  durationMs: number;
}

/** A turn that did not even begin. */
export const notBegun = (error: string): TurnEnd => ({
  subtype: 'error_during_execution',
  isError: true,
  errors: [error],
  terminalReason: undefined,
  stopReason: null,
  rounds: 0,
  denials: [],
  inputTokens: 0,
  outputTokens: 0,
  durationMs: 0,
});

/** Dollars for a million tokens in and out; any will do, as long as they add up. */
const price = { input: 3, output: 15 };

/** Makes `result` lines. Owns what the process has used: the CLI counts that over its life. */
export class Ledger {
  private inputTokens = 0;
  private outputTokens = 0;
  private results = 0;

  result(end: TurnEnd, model: string): Line {
    this.inputTokens += end.inputTokens;
    this.outputTokens += end.outputTokens;
    const usage = { cache_creation_input_tokens: 0, cache_read_input_tokens: 0, service_tier: 'standard' };
    const entry = {
      inputTokens: this.inputTokens,
      outputTokens: this.outputTokens,
      cacheReadInputTokens: 0,
      cacheCreationInputTokens: 0,
      webSearchRequests: 0,
      costUSD: this.costUsd(),
      contextWindow: 200_000,
    };
    this.results += 1;
    return {
      type: 'result',
      subtype: end.subtype,
      is_error: end.isError,
      ...(end.text === undefined ? {} : { result: end.text }),
      ...(end.errors === undefined ? {} : { errors: end.errors }),
      ...(end.apiErrorStatus === undefined ? {} : { api_error_status: end.apiErrorStatus }),
      num_turns: end.rounds,
      duration_ms: end.durationMs,
      duration_api_ms: end.durationMs,
      stop_reason: end.stopReason,
      terminal_reason: end.terminalReason,
      total_cost_usd: this.costUsd(),
      usage: { ...usage, input_tokens: end.inputTokens, output_tokens: end.outputTokens },
      modelUsage: this.inputTokens + this.outputTokens === 0 ? {} : { [model]: entry },
      permission_denials: end.denials.map(({ id, name, input }) => ({
        tool_name: name,
        tool_use_id: id,
        tool_input: input,
      })),
      result_index: this.results - 1,
      uuid: randomUUID(),
    };
  }

  costUsd(): number {
    return (this.inputTokens * price.input + this.outputTokens * price.output) / 1_000_000;
  }
}
