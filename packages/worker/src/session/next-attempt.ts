import { HearthError } from '@hearth/shared';
import { type HeadTurn, stoppedError, toolsThatChange } from '@hearth/shared/internal';
import type { AgentExit } from '../agent/driver.js';
import { interruptionNote } from './note.js';

/** What happens to the turn at the head of the log. `note`: what the session's next prompt is told. */
export type NextAttempt = { kind: 'run' } | { kind: 'fail'; error: HearthError; note: string };

/**
 * Decides whether a turn begins (again), or fails (P7). A turn that never began always runs. After a lost attempt:
 *
 *   it was to stop                                          fails with the reason of the stop
 *   a tool that can change something had started            fails with `interrupted`, unless it was submitted with `retry`
 *   it had all its attempts                                 fails with `agent_crashed`
 *   otherwise                                               runs
 *
 * @param lastExit how the last agent of this session ended on this worker
 */
export function nextAttempt(turn: HeadTurn, attemptsAllowed: number, lastExit: AgentExit | undefined): NextAttempt {
  if (turn.attempts === 0) return { kind: 'run' };
  const changed = toolsThatChange(turn.toolsReached);
  const note = interruptionNote(changed);
  if (turn.isToStop) return { kind: 'fail', error: stoppedError(), note };
  if (changed.length > 0 && turn.request.onInterrupted === 'fail')
    return { kind: 'fail', error: interruptedError(changed), note };
  if (turn.attempts >= attemptsAllowed) return { kind: 'fail', error: crashedError(turn, lastExit), note: '' };
  return { kind: 'run' };
}

function interruptedError(tools: readonly string[]): HearthError {
  const names = [...new Set(tools)].join(', ');
  const message = `The turn was cut off after ${names} had started, so Hearth does not run it again by itself.`;
  return new HearthError('interrupted', message, {
    wayOut: 'Check what the tools did, then prompt again; or submit such turns with onInterrupted: "retry".',
  });
}

/** The error of a turn that had all its attempts. */
export function crashedError(turn: HeadTurn, lastExit: AgentExit | undefined): HearthError {
  const tail = lastExit?.stderrTail ? ` Its last output on stderr: ${lastExit.stderrTail}` : '';
  return new HearthError('agent_crashed', `The agent died ${turn.attempts} times while serving this turn.${tail}`, {
    wayOut: 'See the log of the worker for how it died; the next turn gets a new agent.',
  });
}
