import cors from 'cors';
import type { RequestHandler } from 'express';
import helmet from 'helmet';

/** What a page of the gateway may load: what the gateway itself serves. */
export const contentSecurity = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'font-src': ["'self'"],
  'connect-src': ["'self'"],
  'manifest-src': ["'self'"],
  'base-uri': ["'none'"],
  'form-action': ["'self'"],
  'frame-ancestors': ["'none'"],
};

/** Headers that keep browsers from doing more than they should. */
export const securityHeaders = (): RequestHandler =>
  helmet({
    contentSecurityPolicy: { useDefaults: false, directives: contentSecurity },
    // Whoever puts TLS before the gateway decides this for the whole host.
    strictTransportSecurity: false,
    xFrameOptions: { action: 'deny' },
  });

/** Lets pages of the named origins in. They come with a token: the cookie is for the gateway's own pages. */
export const otherOrigins = (origins: readonly string[]): RequestHandler =>
  cors({
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'last-event-id', 'idempotency-key', 'x-request-id'],
    exposedHeaders: ['x-request-id', 'allow'],
    maxAge: 600,
    // The route goes on to say what it takes.
    preflightContinue: true,
  });
