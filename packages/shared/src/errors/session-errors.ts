import { HearthError } from './hearth-error.js';

/** Error for an unknown or already forgotten turn. */
export const turnGone = (sessionId: string, turnId: string): HearthError =>
  new HearthError('turn_gone', `Session ${sessionId} has no turn ${turnId}, or has forgotten it.`, {
    field: 'turnId',
    expected: 'a turn that waits, runs, or ended within the last 24 hours, in a session that was not closed since',
    wayOut: 'List the turns of the session to see its turnIds.',
  });

/** Error of a turn whose `expiresIn` passed before a worker began it. */
export const expiredError = (turnId: string): HearthError =>
  new HearthError('expired', `Turn ${turnId} waited longer than its expiresIn allows, so no worker begins it.`, {
    field: 'expiresIn',
    expected: 'a worker with a free slot within that time',
    wayOut: 'Prompt again with a longer expiresIn, or start more workers.',
  });

/** Error of a turn that was cancelled before it began. */
export const cancelledError = (why: string): HearthError =>
  new HearthError('cancelled', `The turn was cancelled: ${why}.`, { wayOut: 'Submit it again under another turnId.' });

/** Error of a turn that a caller interrupted. */
export const stoppedError = (): HearthError =>
  new HearthError('interrupted', 'A caller interrupted the turn.', { wayOut: 'Prompt again: the session continues.' });

/** Error of a session that cannot be opened for the caller. */
export function notOpened(
  sessionId: string,
  reply: { code: 'CLOSING' } | { code: 'GONE' } | { code: 'PROFILE_MISMATCH'; profile: string },
): HearthError {
  switch (reply.code) {
    case 'CLOSING':
      return new HearthError('session_closing', `Session ${sessionId} is closing.`, {
        wayOut: 'Try again in a moment: that opens a new session under the same name.',
      });
    case 'GONE':
      return new HearthError('session_gone', `Session ${sessionId} was opened for a single turn.`, {
        field: 'sessionId',
        expected: 'a session that was opened by its name',
        wayOut: 'Choose a session id of your own for a conversation.',
      });
    case 'PROFILE_MISMATCH':
      return new HearthError('profile_mismatch', `Session ${sessionId} runs under profile ${reply.profile}.`, {
        field: 'profile',
        expected: reply.profile,
        wayOut: 'Leave the profile out, or use another session id for another profile.',
      });
  }
}
