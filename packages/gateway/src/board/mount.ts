import type { Express, RequestHandler } from 'express';
import helmet from 'helmet';
import { wholeCluster } from '../auth/authorize.js';
import { includes } from '../auth/grant.js';
import { contextOf } from '../auth/request-context.js';
import { contentSecurity } from '../http/headers.js';
import { type BoardOptions, createBoard } from './board.js';

const basePath = '/board';

/** Puts Bull Board into the app: to be seen with any token that is not confined, to be used with an admin's. */
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

/** A browser that is not signed in is taken to where it can; programs are told. */
const signInFirst: RequestHandler = (request, response, next) => {
  const isPage = request.method === 'GET' && request.accepts(['json', 'html']) === 'html';
  if (!isPage || contextOf(response).caller !== undefined) return next();
  contextOf(response).log.route = basePath;
  response.redirect(303, '/');
};

/** Bull Board's page has a base address and styles of its own in it. The fonts it asks another host for are refused. */
const security = helmet.contentSecurityPolicy({
  useDefaults: false,
  directives: {
    ...contentSecurity,
    'style-src': ["'self'", "'unsafe-inline'"],
    'base-uri': ["'self'"],
  },
});
