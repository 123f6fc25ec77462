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

/** Sets headers that restrict browsers. */
export const securityHeaders = (): RequestHandler =>
  helmet({
    contentSecurityPolicy: { useDefaults: false, directives: contentSecurity },
    // The operator of the TLS proxy decides this for the whole host.
    strictTransportSecurity: false,
    xFrameOptions: { action: 'deny' },
  });

/** Admits pages of the named origins. They use a token, because the cookie is for the gateway's own pages. */
export const otherOrigins = (origins: readonly string[]): RequestHandler =>
  cors({
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'DELETE'],
    allowedHeaders: [
      'authorization',
      'content-type',
      'last-event-id',
      'idempotency-key',
      'x-request-id',
      // EventSource polyfills send these.
      'cache-control',
      'x-requested-with',
    ],
    exposedHeaders: ['x-request-id', 'allow'],
    maxAge: 600,
    // The route answers with the methods it takes.
    preflightContinue: true,
  });
