import express, { type Express } from 'express';
import { authenticate } from './auth/authenticate.js';
import { onlyThisMachine } from './auth/origin.js';
import { mountBoard } from './board/mount.js';
import { consoleFiles } from './console-files.js';
import { failure, nothingHere } from './http/failure.js';
import { otherOrigins, securityHeaders } from './http/headers.js';
import { requestLog } from './http/request-log.js';
import { mountRoutes } from './routes/mount.js';
import type { Services } from './routes/route.js';
import { routes } from './routes/table.js';

/** Builds the gateway's request handler: what every request passes, in order. */
export function createApp(services: Services): Express {
  const { options, authentication, log } = services;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.set('query parser', 'simple');
  app.set('trust proxy', options.trustProxy);

  app.use(requestLog(log));
  app.use(securityHeaders());
  if (!authentication) app.use(onlyThisMachine);
  app.use(otherOrigins(options.corsOrigins));
  app.use(authenticate(services));
  mountRoutes(app, routes, services);
  mountBoard(app, { queues: services.boardQueues, previews: options.boardPreviews });
  // Without authentication, because the page itself asks for a sign-in.
  app.use(consoleFiles());
  app.use(nothingHere);
  app.use(failure);
  return app;
}
