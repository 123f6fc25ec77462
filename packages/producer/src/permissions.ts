import { HearthError, type PermissionAnswer, permissionAnswerSchema } from '@hearth/shared';
import { parseInput } from '@hearth/shared/internal';
import type { Connection } from './connection.js';

/** Answers a permission request. @throws HearthError `invalid_answer` | `already_resolved` | `request_gone` */
export async function answerPermission(
  { controls }: Connection,
  sessionId: string,
  requestId: string,
  given: PermissionAnswer,
): Promise<void> {
  const answer = parseInput(permissionAnswerSchema, given, 'invalid_answer', 'answer');
  const request = await controls.permission(sessionId, requestId);
  if (request === undefined) {
    const before = await controls.resolution(sessionId, requestId);
    throw before === undefined ? gone(requestId) : alreadyResolved(requestId, before.by);
  }
  const unknown = answer.decision === 'allow' && answer.suggestions?.find((at) => at >= request.suggestions.length);
  if (typeof unknown === 'number') {
    throw new HearthError('invalid_answer', `The request has no suggestion ${unknown}.`, {
      field: 'answer.suggestions',
      expected:
        request.suggestions.length === 0 ? 'none: it makes no suggestions' : `0 to ${request.suggestions.length - 1}`,
      wayOut: 'Name suggestions by their index in the request, or leave them out.',
    });
  }
  const outcome = await controls.resolve(sessionId, request, { by: 'answer', answer });
  if (outcome.kind === 'ok') return;
  throw outcome.kind === 'resolved' ? alreadyResolved(requestId, outcome.resolution.by) : gone(requestId);
}

const how = {
  answer: 'it has been answered',
  deadline: 'it got no answer in time',
  unwatched: 'no reader was present',
  agent: 'the agent withdrew it',
};

function alreadyResolved(requestId: string, by: keyof typeof how): HearthError {
  return new HearthError('already_resolved', `Permission request ${requestId} is resolved: ${how[by]}.`, {
    wayOut: 'There is nothing left to do. The event permission.resolved has the decision.',
  });
}

function gone(requestId: string): HearthError {
  return new HearthError('request_gone', `Permission request ${requestId} is not open any more.`, {
    field: 'requestId',
    expected: 'a request that waits for an answer',
    wayOut: 'Its turn ended, or another owner runs it again and asks again: see the permissions of the session.',
  });
}
