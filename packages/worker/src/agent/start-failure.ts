import { HearthError, toErrorBody } from '@hearth/shared';

/** The error of a failed start, with a code. */
export function startFailure(error: unknown): HearthError {
  return error instanceof HearthError
    ? error
    : new HearthError('agent_start_failed', toErrorBody(error).message, { cause: error });
}
