import type { Express, RequestHandler } from 'express';
import helmet from 'helmet';
import { wholeCluster } from '../auth/authorize.js';
import { includes } from '../auth/grant.js';
import { contextOf } from '../auth/request-context.js';
import { contentSecurity } from '../http/headers.js';
import { type BoardOptions, createBoard } from './board.js';

const basePath = '/board';

/** Mounts Bull Board. It can be seen with any token that is not confined, and used with an admin's. */
export function mountBoard(app: Express, options: Pick<BoardOptions, 'queues' | 'previews'>): void {
  const board = createBoard({
    ...options,
    basePath,
    mayWrite: (response) => {
      const grant = contextOf(response).caller?.grant;
      return grant !== undefined && includes(grant, 'admin');
    },
  });
  app.use(basePath, signInFirst, wholeCluster, security, board);
}

/** Redirects a browser that is not signed in to the sign-in. Programs get the error. */
const signInFirst: RequestHandler = (request, response, next) => {
  const isPage = request.method === 'GET' && request.accepts(['json', 'html']) === 'html';
  if (!isPage || contextOf(response).caller !== undefined) return next();
  contextOf(response).log.route = basePath;
  response.redirect(303, '/');
};

/** Bull Board's page has a base address and inline styles. The fonts that it loads from another host are refused. */
const security = helmet.contentSecurityPolicy({
  useDefaults: false,
  directives: {
    ...contentSecurity,
    'style-src': ["'self'", "'unsafe-inline'"],
    'base-uri': ["'self'"],
  },
});
