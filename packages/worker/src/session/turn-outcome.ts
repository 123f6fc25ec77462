import { type ErrorBody, HearthError, toErrorBody } from '@hearth/shared';
import { type HeadTurn, stoppedError, toolsThatChange } from '@hearth/shared/internal';
import type { AgentExit, AgentResult } from '../agent/driver.js';
import { interruptionNote } from './note.js';

/** How a turn ended, besides what its running record knows. */
export interface TurnOutcome {
  /** Undefined: it finished. */
  error: ErrorBody | undefined;
  /** Whether the transcript contains its final message. */
  durable: boolean;
  /** Claude's id of the conversation that continues after it. */
  claudeSessionId: string | undefined;
}

/**
 * Why a turn is committed without another attempt (P7). Undefined: it runs.
 *
 * @param lastExit how the last agent of this session ended on this worker
 */
export function refusalOf(
  turn: HeadTurn,
  attemptsAllowed: number,
  lastExit: AgentExit | undefined,
): { error: HearthError; note: string } | undefined {
  if (turn.attempts === 0) return undefined;
  const changed = toolsThatChange(turn.toolsReached);
  if (turn.isToStop) return { error: stoppedError(), note: changed.length > 0 ? interruptionNote(changed) : '' };
  if (changed.length > 0 && turn.request.onInterrupted === 'fail')
    return { error: interruptedError(changed), note: interruptionNote(changed) };
  if (turn.attempts >= attemptsAllowed) return { error: crashedError(turn, lastExit), note: '' };
  return undefined;
}

function interruptedError(tools: readonly string[]): HearthError {
  const names = [...new Set(tools)].join(', ');
  return new HearthError(
    'interrupted',
    `The turn was cut off after ${names} had started, so Hearth does not run it again by itself.`,
    {
      wayOut: 'Check what the tools did, then prompt again; or submit such turns with onInterrupted: "retry".',
    },
  );
}

/** The error of a turn that had all its attempts. */
export function crashedError(turn: HeadTurn, lastExit: AgentExit | undefined): HearthError {
  const tail = lastExit?.stderrTail ? ` Its last output on stderr: ${lastExit.stderrTail}` : '';
  return new HearthError('agent_crashed', `The agent died ${turn.attempts} times while serving this turn.${tail}`, {
    wayOut: 'See the log of the worker for how it died; the next turn gets a new agent.',
  });
}

/**
 * The error of an agent's answer. Undefined when the turn finished.
 *
 * @param stopReason why the turn was to stop, if it was
 */
export function failureOf(answer: AgentResult, stopReason: HearthError | undefined): ErrorBody | undefined {
  if (answer.ok) return undefined;
  if (!answer.stopped) return agentFailed(answer);
  return toErrorBody(
    stopReason ??
      new HearthError('interrupted', 'A permission was denied, and that ended the turn.', {
        wayOut: 'Prompt again: the session continues.',
      }),
  );
}

function agentFailed(answer: AgentResult): ErrorBody {
  return toErrorBody(
    new HearthError('agent_failed', answer.text === '' ? `Claude ended the turn with ${answer.reason}.` : answer.text, {
      wayOut: 'The session continues: prompt again, later if the model API was overloaded.',
    }),
  );
}

/** The error of a turn whose agent was killed for its memory. */
export function outOfMemoryError(allowedMb: number): HearthError {
  return new HearthError('agent_out_of_memory', `The agent and what it started held more than ${allowedMb} MB.`, {
    field: 'agentHardMemoryMb',
    expected: `at most ${allowedMb} MB`,
    wayOut:
      'Have Claude work in smaller steps, or raise HEARTH_AGENT_HARD_MEMORY_MB on the workers. The session continues from its last turn.',
  });
}
