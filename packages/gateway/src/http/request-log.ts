import { randomUUID } from 'node:crypto';
import type { Logger } from '@hearth/shared/internal';
import type { RequestHandler } from 'express';
import { openContext } from '../auth/request-context.js';

/** A caller's own request id that is safe for a log. */
const acceptableId = /^[\w.:-]{1,128}$/;

/** Gives every request an id and a context and, when its response is done, one line in the log. */
export function requestLog(log: Logger): RequestHandler {
  return (request, response, next) => {
    const given = request.get('x-request-id');
    const requestId = given !== undefined && acceptableId.test(given) ? given : randomUUID();
    const context = openContext(response, requestId);
    response.setHeader('x-request-id', requestId);
    const startedAt = performance.now();
    response.once('close', () => {
      const level = response.statusCode >= 500 ? 'error' : 'info';
      log[level](
        {
          event: 'http.request',
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
