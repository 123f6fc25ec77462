import { randomUUID } from 'node:crypto';
import type { Line } from './output.js';
import type { ToolCall } from './permissions.js';
import { noUsage, promptTokens, sum, type Usage } from './usage.js';

/** How a turn ended. */
export interface TurnEnd {
  subtype: 'success' | 'error_during_execution' | 'error_max_turns';
  isError: boolean;
  /** Absent when there are `errors`. */
  text?: string;
  errors?: readonly string[];
  terminalReason: 'completed' | 'aborted_streaming' | 'aborted_tools' | 'api_error' | 'max_turns' | undefined;
  stopReason: string | null;
  apiErrorStatus?: number | null;
  /** Calls of the model. An interrupt counts as one more. */
  rounds: number;
  denials: readonly ToolCall[];
  usage: Usage;
  durationMs: number;
}

/** The end of a turn that did not begin. */
export const notBegun = (error: string): TurnEnd => ({
  subtype: 'error_during_execution',
  isError: true,
  errors: [error],
  terminalReason: undefined,
  stopReason: null,
  rounds: 0,
  denials: [],
  usage: noUsage,
  durationMs: 0,
});

/** Dollars per million tokens. Any numbers will do, as long as they add up. */
const price = { input: 3, cacheWrite: 3.75, cacheRead: 0.3, output: 15 };

/** The totals that an ended process leaves in its transcript. A process that finds them counts on from them. */
export interface CostState {
  used: Usage;
  apiMs: number;
}

/** Makes `result` lines. Owns the totals of the process, because the CLI counts them over its life. */
export class Ledger {
  private used: Usage;
  private apiMs: number;
  private results = 0;
  /** What the running turn has used so far. */
  private running = noUsage;

  constructor(
    private readonly numbersResults = true,
    { used, apiMs }: CostState = { used: noUsage, apiMs: 0 },
  ) {
    this.used = used;
    this.apiMs = apiMs;
  }

  get costState(): CostState {
    const { used, apiMs } = this;
    return { used, apiMs };
  }

  /** Counts what a turn uses before its result. */
  spend(usage: Usage): void {
    this.running = usage;
  }

  result(end: TurnEnd, model: string): Line {
    this.used = sum(this.used, end.usage);
    this.running = noUsage;
    // Without a call of the model the API took no time.
    if (end.rounds > 0) this.apiMs += Math.max(1, end.durationMs);
    const entry = {
      inputTokens: this.used.input_tokens,
      outputTokens: this.used.output_tokens,
      cacheReadInputTokens: this.used.cache_read_input_tokens,
      cacheCreationInputTokens: this.used.cache_creation_input_tokens,
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
      duration_api_ms: this.apiMs,
      stop_reason: end.stopReason,
      terminal_reason: end.terminalReason,
      total_cost_usd: this.costUsd(),
      usage: { ...end.usage, service_tier: 'standard' },
      modelUsage: promptTokens(this.used) === 0 ? {} : { [model]: entry },
      permission_denials: end.denials.map(({ id, name, input }) => ({
        tool_name: name,
        tool_use_id: id,
        tool_input: input,
      })),
      ...(this.numbersResults ? { result_index: this.results - 1 } : {}),
      uuid: randomUUID(),
    };
  }

  costUsd(): number {
    const used = sum(this.used, this.running);
    const read = used.input_tokens * price.input + used.cache_read_input_tokens * price.cacheRead;
    return (read + used.cache_creation_input_tokens * price.cacheWrite + used.output_tokens * price.output) / 1_000_000;
  }
}
