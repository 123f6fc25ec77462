import type { Tokens } from '@hearth/shared';
import type { LineOf } from './wire.js';

interface Totals {
  costUsd: number;
  tokens: Tokens;
}

const nothing: Totals = { costUsd: 0, tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 } };

/** Computes the cost and tokens of each prompt, because the CLI counts them over the life of the process. */
export class UsageMeter {
  private before = nothing;

  /** What the process had cost at its last result. */
  get costUsd(): number {
    return this.before.costUsd;
  }

  take(line: LineOf<'result'>): Totals {
    const now = totals(line, this.before);
    // After a `/clear` the CLI counts from zero again.
    const before =
      now.tokens.output < this.before.tokens.output || now.costUsd < this.before.costUsd ? nothing : this.before;
    this.before = now;
    return {
      costUsd: now.costUsd - before.costUsd,
      tokens: {
        input: now.tokens.input - before.tokens.input,
        output: now.tokens.output - before.tokens.output,
        cacheRead: now.tokens.cacheRead - before.tokens.cacheRead,
        cacheWrite: now.tokens.cacheWrite - before.tokens.cacheWrite,
      },
    };
  }
}

function totals(line: LineOf<'result'>, before: Totals): Totals {
  const tokens: Tokens = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
  if (line.modelUsage === undefined) return { costUsd: line.total_cost_usd ?? before.costUsd, tokens: before.tokens };
  for (const model of Object.values(line.modelUsage)) {
    tokens.input += model.inputTokens;
    tokens.output += model.outputTokens;
    tokens.cacheRead += model.cacheReadInputTokens;
    tokens.cacheWrite += model.cacheCreationInputTokens;
  }
  return { costUsd: line.total_cost_usd ?? before.costUsd, tokens };
}
