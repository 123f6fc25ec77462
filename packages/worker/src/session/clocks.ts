import { HearthError } from '@hearth/shared';

/** What a profile allows a running turn (P10), ms. */
export interface ClockTimes {
  firstEventTimeoutMs: number;
  silenceTimeoutMs: number;
  turnTimeoutMs: number;
}

/** How far a running turn has come, ms. Time in which a person is asked for a permission counts nowhere. */
export interface TurnProgress {
  /** Since its begin. */
  runningMs: number;
  /** Since the agent said or did something. 0 while a tool runs or a person is asked. */
  silentMs: number;
  hasSpoken: boolean;
}

/** A clock is checked so many times before it is over, but at least once a second. */
const checksPerClock = 5;
const checkAtMostEveryMs = 1_000;

/** The error of the clock that is over. Undefined when none is. */
export function overdue({ runningMs, silentMs, hasSpoken }: TurnProgress, times: ClockTimes): HearthError | undefined {
  const { firstEventTimeoutMs, silenceTimeoutMs, turnTimeoutMs } = times;
  if (!hasSpoken && runningMs > firstEventTimeoutMs)
    return timeout('first_event_timeout', 'firstEventTimeoutMs', `The agent was silent for ${firstEventTimeoutMs} ms.`);
  if (hasSpoken && silentMs > silenceTimeoutMs)
    return timeout('silence_timeout', 'silenceTimeoutMs', `The agent became silent for ${silenceTimeoutMs} ms.`);
  if (runningMs > turnTimeoutMs)
    return timeout('turn_timeout', 'turnTimeoutMs', `The turn ran for more than ${turnTimeoutMs} ms.`);
  return undefined;
}

/**
 * Checks the clocks of a turn until one is over.
 *
 * @param onOverdue called once, with the error of the clock
 * @returns a function that stops checking
 */
export function watchClocks(
  progress: () => TurnProgress,
  times: ClockTimes,
  onOverdue: (error: HearthError) => void,
): () => void {
  const shortest = Math.min(times.firstEventTimeoutMs, times.silenceTimeoutMs, times.turnTimeoutMs);
  const timer = setInterval(
    () => {
      const error = overdue(progress(), times);
      if (error === undefined) return;
      clearInterval(timer);
      onOverdue(error);
    },
    Math.min(checkAtMostEveryMs, Math.max(1, shortest / checksPerClock)),
  );
  return () => clearInterval(timer);
}

function timeout(
  code: 'first_event_timeout' | 'silence_timeout' | 'turn_timeout',
  field: keyof ClockTimes,
  message: string,
): HearthError {
  return new HearthError(code, message, {
    field,
    expected: 'an agent that makes progress within that time',
    wayOut: `Prompt again: the session continues from its last turn. If turns need longer, raise ${field} in the profile.`,
  });
}
