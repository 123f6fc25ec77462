import type { LineOf } from './wire.js';

/**
 * Knows a result that was heard before: the CLI is reported to print one twice, and the second may come when the next prompt's
 * last word is said and only its own result is missing. Owns the numbers of the last one.
 */
export class HeardResults {
  private last: string | undefined;

  /**
   * Notes a result. `repeated`: it is the one before once more. It says that the model was called, yet neither what the process used in all
   * (cost, tokens, time of the API: 2.1.329 counts them over its life) nor the prompt's own time has changed. Local commands call no
   * model, and an error may come before any call: for those the same numbers are no proof.
   */
  hear(line: LineOf<'result'>): 'new' | 'repeated' {
    const { duration_ms, duration_api_ms, num_turns = 0, total_cost_usd, modelUsage, is_error } = line;
    const isTold = duration_ms !== undefined && duration_api_ms !== undefined && modelUsage !== undefined;
    const numbers = isTold
      ? JSON.stringify([duration_ms, duration_api_ms, num_turns, total_cost_usd, modelUsage])
      : undefined;
    const isRepeated = numbers !== undefined && numbers === this.last && num_turns > 0 && !is_error;
    this.last = numbers;
    return isRepeated ? 'repeated' : 'new';
  }
}
