import { HearthError } from '@hearth/shared';

/** What a profile allows a running turn (P10). Times in ms. */
export interface TurnBounds {
  firstEventTimeoutMs: number;
  silenceTimeoutMs: number;
  turnTimeoutMs: number;
  maxBudgetUsd?: number | undefined;
}

/** How far a running turn has come. Times in ms. Time in which a person is asked for a permission counts nowhere. */
export interface TurnProgress {
  /** Since its begin. */
  runningMs: number;
  /** Since the agent said or did something. 0 while a tool runs or a person is asked. */
  silentMs: number;
  hasSpoken: boolean;
  /** What it has cost, as far as its agent said. */
  costUsd: number;
}

/** A clock is checked so many times before it is over, but at least once a second. */
const checksPerClock = 5;
const checkAtMostEveryMs = 1_000;

/** The error of the bound that is passed. Undefined when none is. */
export function overdue(progress: TurnProgress, bounds: TurnBounds): HearthError | undefined {
  const { runningMs, silentMs, hasSpoken, costUsd } = progress;
  const { firstEventTimeoutMs, silenceTimeoutMs, turnTimeoutMs, maxBudgetUsd } = bounds;
  if (!hasSpoken && runningMs > firstEventTimeoutMs)
    return timeout('first_event_timeout', 'firstEventTimeoutMs', `The agent was silent for ${firstEventTimeoutMs} ms.`);
  if (hasSpoken && silentMs > silenceTimeoutMs)
    return timeout('silence_timeout', 'silenceTimeoutMs', `The agent became silent for ${silenceTimeoutMs} ms.`);
  if (runningMs > turnTimeoutMs)
    return timeout('turn_timeout', 'turnTimeoutMs', `The turn ran for more than ${turnTimeoutMs} ms.`);
  if (maxBudgetUsd !== undefined && costUsd > maxBudgetUsd) return budgetExceeded(costUsd, maxBudgetUsd);
  return undefined;
}

/**
 * Checks the bounds of a turn until one is passed.
 *
 * @param onOverdue called once, with the error of the bound
 * @returns a function that stops checking
 */
export function watchClocks(
  progress: () => TurnProgress,
  bounds: TurnBounds,
  onOverdue: (error: HearthError) => void,
): () => void {
  const shortest = Math.min(bounds.firstEventTimeoutMs, bounds.silenceTimeoutMs, bounds.turnTimeoutMs);
  const timer = setInterval(
    () => {
      const error = overdue(progress(), bounds);
      if (error === undefined) return;
      clearInterval(timer);
      onOverdue(error);
    },
    Math.min(checkAtMostEveryMs, Math.max(1, shortest / checksPerClock)),
  );
  return () => clearInterval(timer);
}

function budgetExceeded(costUsd: number, maxBudgetUsd: number): HearthError {
  return new HearthError('budget_exceeded', `The turn has cost $${costUsd.toFixed(4)}.`, {
    field: 'maxBudgetUsd',
    expected: `at most $${maxBudgetUsd}`,
    wayOut: 'Have Claude work in smaller steps, or raise maxBudgetUsd in the profile. The session continues.',
  });
}

function timeout(
  code: 'first_event_timeout' | 'silence_timeout' | 'turn_timeout',
  field: 'firstEventTimeoutMs' | 'silenceTimeoutMs' | 'turnTimeoutMs',
  message: string,
): HearthError {
  return new HearthError(code, message, {
    field,
    expected: 'an agent that makes progress within that time',
    wayOut: `Prompt again: the session continues from its last turn. If turns need longer, raise ${field} in the profile.`,
  });
}
