import { HearthError } from '@hearth/shared';
import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import { contextOf } from '../auth/request-context.js';
import { hearthErrorOf, problemOf } from './problem.js';

/** Answers an error of a handler with a problem document. A stream that has begun is cut. */
export const failure: ErrorRequestHandler = (error: unknown, _request, response, _next) => {
  sendProblem(response, hearthErrorOf(error));
};

function sendProblem(response: Response, error: HearthError): void {
  const { requestId, log } = contextOf(response);
  log.code = error.code;
  const problem = problemOf(error, requestId);
  if (problem.status >= 500) log.err = error;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (problem.status === 401) response.setHeader('www-authenticate', 'Bearer realm="hearth"');
  response
    .status(problem.status)
    .type('application/problem+json')
    .set('cache-control', 'no-store')
    .send(JSON.stringify(problem));
}

/** Answers requests to unknown addresses. */
export const nothingHere: RequestHandler = () => {
  throw new HearthError('not_found', 'There is nothing at this address.', {
    field: 'path',
    wayOut: 'See /docs for the addresses.',
  });
};
