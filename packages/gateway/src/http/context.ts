import { randomUUID } from 'node:crypto';
import type { Logger } from '@hearth/shared/internal';
import type { RequestHandler, Response } from 'express';
import type { Caller } from '../auth/credentials.js';

/** What is known of a request while it is served. */
export interface RequestContext {
  requestId: string;
  /** Whose token or cookie came with it; undefined: none, or none that is valid. */
  caller: Caller | undefined;
  /** Why `caller` is undefined, when something came. */
  refused: unknown;
  /** The cookie it came with, when that is what was valid. */
  cookie: string | undefined;
  /** For the log: the route's path, and ids. Never prompts, tokens, or a query. */
  log: { route?: string; sessionId?: string; turnId?: string; code?: string; err?: unknown };
}

/** A caller's own id for the request, when it is fit for a log. */
const acceptableId = /^[\w.:-]{1,128}$/;

const contexts = new WeakMap<Response, RequestContext>();

export function contextOf(response: Response): RequestContext {
  const context = contexts.get(response);
  if (context === undefined) throw new TypeError('the request came past requestContext');
  return context;
}

/** Gives every request an id and, when its response is done, one line in the log. */
export function requestContext(log: Logger): RequestHandler {
  return (request, response, next) => {
    const given = request.get('x-request-id');
    const requestId = given !== undefined && acceptableId.test(given) ? given : randomUUID();
    const context: RequestContext = { requestId, caller: undefined, refused: undefined, cookie: undefined, log: {} };
    contexts.set(response, context);
    response.setHeader('x-request-id', requestId);
    const startedAt = performance.now();
    response.once('close', () => {
      const level = response.statusCode >= 500 ? 'error' : 'info';
      log[level](
        {
          requestId,
          method: request.method,
          ...context.log,
          status: response.statusCode,
          by: context.caller?.grant.name,
          ms: Math.round(performance.now() - startedAt),
          ...(response.writableFinished ? {} : { left: true }),
        },
        'request',
      );
    });
    next();
  };
}
