import type { RequestHandler } from 'express';
import { cookieOf } from './cookie.js';
import { type Caller, type Credentials, unauthenticated } from './credentials.js';
import { isWrite, refuseOtherOrigins } from './origin.js';
import { contextOf } from './request-context.js';

/** A caller of a gateway without tokens. */
const localCaller: Caller = { grant: { name: 'anybody', scope: 'admin' } };

/**
 * Finds out who the caller is. The route decides what the caller may do (`authorize`).
 *
 * A1 A token in the header comes before a cookie, because programs send it and no browser does by itself.
 * A2 Credentials that a browser sends by itself (its cookie, or just its being on this machine) can write only from the gateway's own
 *    pages. With a cookie that takes more than the absence of a foreign Origin: see `refuseForgery` and `wholeCluster`.
 */
export function authenticate(deps: {
  credentials: Credentials;
  /** False: there are no tokens, so every caller may do everything. */
  authentication: boolean;
  options: { corsOrigins: readonly string[] };
}): RequestHandler {
  const { credentials, authentication } = deps;
  const { corsOrigins } = deps.options;
  return (request, response, next) => {
    const context = contextOf(response);
    if (!authentication) {
      if (isWrite(request)) refuseOtherOrigins(request, corsOrigins);
      context.caller = localCaller;
      return next();
    }
    const authorization = request.get('authorization');
    if (authorization !== undefined) {
      try {
        context.caller = credentials.bearer(tokenIn(authorization));
      } catch (error) {
        context.refused = error;
      }
      return next();
    }
    // Also for a sign-in, so that no page signs a person in as someone else.
    if (isWrite(request)) refuseOtherOrigins(request);
    const cookie = cookieOf(request);
    context.caller = cookie === undefined ? undefined : credentials.cookie(cookie);
    if (context.caller !== undefined) context.cookie = cookie;
    next();
  };
}

function tokenIn(authorization: string): string {
  const [, token] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
  if (token === undefined) throw unauthenticated('The Authorization header holds no bearer token.', '`Bearer <token>`');
  return token;
}
