import { HearthError } from '@hearth/shared';
import type { Request, RequestHandler } from 'express';
import { type Credentials, unauthenticated } from './credentials.js';
import { type Grant, holds, includes, isConfined, type Scope } from './grant.js';
import { isWrite } from './origin.js';
import type { RequestContext } from './request-context.js';
import { contextOf } from './request-context.js';

/** Returns the caller's grant. @throws HearthError `unauthenticated` | `forbidden` */
export function grantFor({ caller, refused }: RequestContext, scope: Scope): Grant {
  if (caller === undefined)
    throw refused ?? unauthenticated('The request carries no token.', 'a token, or a signed-in browser');
  if (includes(caller.grant, scope)) return caller.grant;
  throw new HearthError('forbidden', `A token of scope ${caller.grant.scope} does not allow this.`, {
    field: 'authorization',
    expected: `a token of scope ${scope}`,
    wayOut: 'Use another token.',
  });
}

/** Checks that a session is within the grant. @throws HearthError `forbidden` */
export function refuseOutside(grant: Grant, sessionId: string): void {
  if (holds(grant, sessionId)) return;
  throw new HearthError('forbidden', 'The token is confined to other sessions.', {
    field: 'sessionId',
    expected:
      grant.sessionId === undefined ? `an id that begins with ${grant.prefix}` : `the session ${grant.sessionId}`,
    wayOut: 'Use a session within its confines, or another token.',
  });
}

/** Refuses confined tokens, because the route shows all sessions. @throws HearthError `forbidden` */
export function refuseConfined(grant: Grant): void {
  if (!isConfined(grant)) return;
  throw new HearthError('forbidden', 'The token is confined to some sessions; this shows all.', {
    field: 'authorization',
    expected: 'a token without a prefix, and not one that was minted for a session',
    wayOut: 'Use another token.',
  });
}

/**
 * Checks that a write with a cookie carries the CSRF token, which only the gateway's own pages can read.
 *
 * @throws HearthError `csrf_refused`
 */
export function refuseForgery(request: Request, { cookie }: RequestContext, credentials: Credentials): void {
  if (cookie === undefined || !isWrite(request)) return;
  if (credentials.isCsrfToken(cookie, request.get('x-csrf-token') ?? '')) return;
  throw new HearthError('csrf_refused', 'The write lacks the CSRF token of this sign-in.', {
    field: 'x-csrf-token',
    expected: 'the csrfToken of GET /v1/me',
    wayOut:
      'Ask for it again, it changes with every sign-in; a program sends its token in the Authorization header instead.',
  });
}

/**
 * Guards pages that show the whole cluster. They can be read with any token that is not confined, and used with an admin's. Bull Board
 * knows no CSRF token, so with a cookie the browser's own headers must show that the write is of the gateway's origin.
 */
export const wholeCluster: RequestHandler = (request, response, next) => {
  const context = contextOf(response);
  refuseConfined(grantFor(context, isWrite(request) ? 'admin' : 'read'));
  // `authenticate` has checked that the origin is the gateway's own.
  const isOurs = request.get('origin') !== undefined || request.get('sec-fetch-site') === 'same-origin';
  if (context.cookie !== undefined && isWrite(request) && !isOurs) {
    throw new HearthError('csrf_refused', 'The write does not say which page it comes from.', {
      field: 'origin',
      expected: 'the Origin header every browser sends with a write',
      wayOut: 'A program sends its token in the Authorization header instead of a cookie.',
    });
  }
  next();
};
