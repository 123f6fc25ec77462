import { sessionIdSchema } from '@hearth/shared';
import { z } from 'zod';
import { refuseOutside } from '../auth/authorize.js';
import { clearCookie, setCookie } from '../auth/cookie.js';
import { mintedScopes } from '../auth/grant.js';
import { contextOf } from '../auth/request-context.js';
import { type Route, route } from './route.js';
import { meSchema } from './schemas.js';

const me = route({
  method: 'get',
  path: '/v1/me',
  operation: 'me',
  tag: 'Sign-in',
  summary: 'The caller, as the gateway knows it',
  description: '401: the gateway has tokens, and the request came with none that is valid.',
  scope: 'read',
  responses: { 200: { description: 'What you may do', schema: meSchema } },
  handle({ grant, response, services: { credentials, authentication } }) {
    const { caller, cookie } = contextOf(response);
    const csrfToken = cookie === undefined ? undefined : credentials.csrfToken(cookie);
    return { status: 200, body: { authentication, ...grant, expiresAt: caller?.expiresAt, csrfToken } };
  },
});

const login = route({
  method: 'post',
  path: '/login',
  operation: 'login',
  tag: 'Sign-in',
  summary: 'Sign a browser in',
  description:
    'Sets a cookie that scripts cannot read, for twelve hours or as long as the token lasts. Writes that come with it carry `x-csrf-token`, see GET /v1/me.',
  body: z.strictObject({ token: z.string().min(1).max(4_096) }),
  responses: { 200: { description: 'Signed in', schema: meSchema } },
  errors: ['unauthenticated'],
  handle({ body: { token }, grant, request, response, services: { credentials, authentication } }) {
    if (!authentication) return { status: 200, body: { authentication, ...grant } };
    const { cookie, caller, maxAgeMs } = credentials.signIn(token);
    setCookie(request, cookie, maxAgeMs);
    contextOf(response).caller = caller;
    const csrfToken = credentials.csrfToken(cookie);
    return { status: 200, body: { authentication, ...caller.grant, expiresAt: caller.expiresAt, csrfToken } };
  },
});

const logout = route({
  method: 'post',
  path: '/logout',
  operation: 'logout',
  tag: 'Sign-in',
  summary: 'Sign a browser out',
  responses: { 204: { description: 'The cookie is gone' } },
  handle({ request }) {
    clearCookie(request);
    return { status: 204 };
  },
});

/** A minted token is valid for at most so long, because it cannot be revoked, ms. */
const mintedAtMostMs = 7 * 24 * 3_600_000;

const mint = route({
  method: 'post',
  path: '/v1/tokens',
  operation: 'mintToken',
  tag: 'Sign-in',
  summary: 'Mint a token for one session, for a browser or an end user',
  description: 'Only a change of the secret revokes it before it expires.',
  scope: 'admin',
  body: z.strictObject({
    sessionId: sessionIdSchema,
    scope: z.enum(mintedScopes),
    expiresIn: z.number().int().min(1).max(mintedAtMostMs).default(3_600_000).describe('ms until it expires'),
  }),
  responses: {
    201: {
      description: 'The token',
      schema: z.object({
        token: z.string(),
        sessionId: z.string(),
        scope: z.enum(mintedScopes),
        expiresAt: z.number(),
      }),
    },
  },
  handle({ body: { sessionId, scope, expiresIn }, grant, response, services: { credentials } }) {
    refuseOutside(grant, sessionId);
    contextOf(response).log.sessionId = sessionId;
    const minted = credentials.mint(grant, { sessionId, scope, expiresInMs: expiresIn });
    return { status: 201, body: { ...minted, sessionId, scope } };
  },
});

export const signInRoutes: readonly Route[] = [me, login, logout, mint];
