import { HearthError, toErrorBody } from '@hearth/shared';
import { folderError, isFileError } from '@hearth/shared/internal';

/** The error of a failed start, with a code. */
export function startFailure(error: unknown): HearthError {
  if (error instanceof HearthError) return error;
  if (isFileError(error)) return folderError((error as NodeJS.ErrnoException).path ?? 'HEARTH_HOME', error);
  return new HearthError('agent_start_failed', toErrorBody(error).message, { cause: error });
}
