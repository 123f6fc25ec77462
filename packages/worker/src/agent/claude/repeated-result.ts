import type { LineOf } from './wire.js';

/**
 * Recognises a result that the CLI prints twice (a reported hazard). The second one can come when the next prompt has said its last word
 * and only its own result is missing. Owns the numbers of the last result.
 */
export class RepeatedResult {
  private last: string | undefined;

  /**
   * Notes a result, and tells whether it is the last one again: it says that the model was called, but neither the totals of the process
   * (cost, tokens, API time: 2.1.329 counts them over its life) nor the prompt's own time have changed. Local commands call no model,
   * and an error may come before any call, so for those equal numbers prove nothing.
   */
  isRepeated(line: LineOf<'result'>): boolean {
    const { duration_ms, duration_api_ms, num_turns = 0, total_cost_usd, modelUsage, is_error } = line;
    const hasNumbers = duration_ms !== undefined && duration_api_ms !== undefined && modelUsage !== undefined;
    const numbers = hasNumbers
      ? JSON.stringify([duration_ms, duration_api_ms, num_turns, total_cost_usd, modelUsage])
      : undefined;
    const isRepeated = numbers !== undefined && numbers === this.last && num_turns > 0 && !is_error;
    this.last = numbers;
    return isRepeated;
  }
}
