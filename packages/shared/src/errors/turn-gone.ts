import { HearthError } from './hearth-error.js';

/** The error of a turn nobody knows, or knows any more. */
export function turnGone(sessionId: string, turnId: string): HearthError {
  return new HearthError('turn_gone', `Turn ${turnId} of session ${sessionId} is not known, or no longer.`, {
    field: 'turnId',
    expected: 'a turn that waits, runs, or ended within the last 24 hours, of a session that was not closed since',
    wayOut: 'See the turns of the session for its turnIds.',
  });
}
