import { type ErrorBody, type ErrorCode, HearthError, toErrorBody } from '@hearth/shared';
import type { AgentResult, Refusal, RefusalKind } from '../agent/driver.js';
import { usableMemory } from '../processes/memory-limit.js';
import { megabyte } from './limits.js';

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
 * The error of an agent's answer. Undefined when the turn finished.
 *
 * @param stopReason why the turn was to stop, if it was
 */
export function failureOf(answer: AgentResult, stopReason: HearthError | undefined): ErrorBody | undefined {
  if (answer.ok) return undefined;
  if (answer.refusal !== undefined) return refused(answer.text, answer.refusal);
  if (!answer.stopped) return agentFailed(answer);
  return toErrorBody(
    stopReason ??
      new HearthError('interrupted', 'A permission was denied, and that ended the turn.', {
        wayOut: 'Prompt again: the session continues.',
      }),
  );
}

/** The code of a refusal, and what helps. */
const refusals: Record<RefusalKind, { code: ErrorCode; wayOut: string }> = {
  content: {
    code: 'prompt_refused',
    wayOut:
      'Prompt again without what the message names. The prompt is not part of the conversation, so later prompts are not refused for it.',
  },
  limit: {
    code: 'model_limit_reached',
    wayOut: 'Prompt again when the limit has reset (`retryAt`, or as the message says), or use another account.',
  },
  rate_limit: {
    code: 'model_rate_limited',
    wayOut:
      'Prompt again in a minute. If it happens often, run fewer turns at a time or raise the limit of the account.',
  },
  login: {
    code: 'model_login_refused',
    wayOut:
      'Renew the login (loginFrom) or the key or token in the environment of the workers, then prompt again. Agents that run keep their environment.',
  },
  credit: {
    code: 'model_no_credit',
    wayOut: 'Add credit to the account of the workers, then prompt again.',
  },
  model: {
    code: 'model_not_found',
    wayOut: 'Name a model in the profile that the account may use, then prompt again.',
  },
};

function refused(text: string, { kind, retryAt }: Refusal): ErrorBody {
  const { code, wayOut } = refusals[kind];
  return toErrorBody(new HearthError(code, text, { wayOut, retryAt }));
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

/** The error of a turn whose agent the kernel killed, because the memory of the container or machine was used up. */
export function killedByKernelError(): HearthError {
  const megabytes = Math.round(usableMemory() / megabyte);
  return new HearthError(
    'agent_out_of_memory',
    `The kernel killed the agent: the memory of ${megabytes} MB was used up.`,
    {
      field: 'slots',
      expected: 'agents that fit into the memory of the container or machine, with all they start',
      wayOut:
        'Have Claude work in smaller steps, give the worker more memory, or lower HEARTH_SLOTS or HEARTH_AGENT_HARD_MEMORY_MB. The session continues from its last turn.',
    },
  );
}
