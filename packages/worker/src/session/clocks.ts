import { HearthError } from '@hearth/shared';

/** What a profile allows a running turn (P10), ms. */
export interface ClockTimes {
  firstEventTimeoutMs: number;
  silenceTimeoutMs: number;
  turnTimeoutMs: number;
}

/** How a running turn stands, ms; the time in which somebody was asked for a permission counts nowhere. */
export interface Standing {
  /** Since its begin. */
  runningMs: number;
  /** Since the agent said or did something; 0 while a tool runs or somebody is asked. */
  silentMs: number;
  hasSpoken: boolean;
}

/** A clock is looked at so many times before it is over, but at least once a second. */
const looksPerClock = 5;
const lookAtMostEveryMs = 1_000;

/** Which clock is over, if one is. */
export function overdue({ runningMs, silentMs, hasSpoken }: Standing, times: ClockTimes): HearthError | undefined {
  const { firstEventTimeoutMs, silenceTimeoutMs, turnTimeoutMs } = times;
  if (!hasSpoken && runningMs > firstEventTimeoutMs) {
    return timeout(
      'first_event_timeout',
      'firstEventTimeoutMs',
      `The agent said nothing for ${firstEventTimeoutMs} ms.`,
    );
  }
  if (hasSpoken && silentMs > silenceTimeoutMs) {
    return timeout(
      'silence_timeout',
      'silenceTimeoutMs',
      `The agent fell silent for ${silenceTimeoutMs} ms in mid-turn.`,
    );
  }
  if (runningMs > turnTimeoutMs) {
    return timeout('turn_timeout', 'turnTimeoutMs', `The turn ran for more than ${turnTimeoutMs} ms.`);
  }
  return undefined;
}

/** Looks at the clocks until one is over, which is told once, or the watch is ended by the function it returns. */
export function watchClocks(
  standing: () => Standing,
  times: ClockTimes,
  onOver: (error: HearthError) => void,
): () => void {
  const shortest = Math.min(times.firstEventTimeoutMs, times.silenceTimeoutMs, times.turnTimeoutMs);
  const timer = setInterval(
    () => {
      const error = overdue(standing(), times);
      if (error === undefined) return;
      clearInterval(timer);
      onOver(error);
    },
    Math.min(lookAtMostEveryMs, Math.max(1, shortest / looksPerClock)),
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
    expected: 'an agent that gets on with the turn in that time',
    wayOut: `Prompt again: the session goes on from its last turn. Should turns need longer, raise ${field} in the profile.`,
  });
}
