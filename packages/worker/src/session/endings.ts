import { type ErrorBody, type HeadTurn, HearthError, stoppedError, toErrorBody, toolsThatChange } from '@hearth/shared';
import type { AgentExit, AgentResult } from '../agent/driver.js';
import { interruptionNote } from './note.js';

/** Why a turn is committed without being tried (again), if it is (P7). */
export function refusalOf(
  turn: HeadTurn,
  attemptsAllowed: number,
  lastExit: AgentExit | undefined,
): { error: HearthError; note: string } | undefined {
  if (turn.attempts === 0) return undefined;
  const changed = toolsThatChange(turn.toolsReached);
  if (turn.isToStop) return { error: stoppedError(), note: changed.length > 0 ? interruptionNote(changed) : '' };
  if (changed.length > 0 && turn.request.onInterrupted === 'fail')
    return { error: interrupted(changed), note: interruptionNote(changed) };
  if (turn.attempts >= attemptsAllowed) return { error: crashed(turn, lastExit), note: '' };
  return undefined;
}

function interrupted(tools: readonly string[]): HearthError {
  const names = [...new Set(tools)].join(', ');
  return new HearthError(
    'interrupted',
    `The turn was cut off after ${names} had started, so it is not run again by itself.`,
    {
      wayOut: 'Look at what the tools did, then prompt again; or submit such turns with onInterrupted: "retry".',
    },
  );
}

export function crashed(turn: HeadTurn, lastExit: AgentExit | undefined): HearthError {
  const tail = lastExit?.stderrTail ? ` It said last: ${lastExit.stderrTail}` : '';
  return new HearthError('agent_crashed', `The agent died ${turn.attempts} times while serving this turn.${tail}`, {
    wayOut: 'See the log of the worker for how it died; the next turn gets a fresh agent.',
  });
}

/** Why an answer is no finished turn; undefined when it is one. */
export function failureOf(answer: AgentResult, stopReason: HearthError | undefined): ErrorBody | undefined {
  if (answer.ok) return undefined;
  if (!answer.stopped) return agentFailed(answer);
  return toErrorBody(
    stopReason ??
      new HearthError('interrupted', 'A permission was denied, and the turn ended with that.', {
        wayOut: 'Prompt again: the session goes on.',
      }),
  );
}

function agentFailed(answer: AgentResult): ErrorBody {
  return toErrorBody(
    new HearthError('agent_failed', answer.text === '' ? `Claude ended the turn with ${answer.reason}.` : answer.text, {
      wayOut: 'The session goes on: prompt again, later if the model API was overloaded.',
    }),
  );
}
