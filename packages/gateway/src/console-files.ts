import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type RequestHandler } from 'express';

const page = fileURLToPath(import.meta.resolve('@hearth/console/index.html'));

/** The console's page. Its assets carry a hash of what is in them in their names, so they are kept; the page itself is asked for anew. */
export const consoleFiles = (): RequestHandler =>
  express.static(dirname(page), {
    setHeaders: (response, path) => {
      const isPage = basename(path) === basename(page);
      response.setHeader('cache-control', isPage ? 'no-cache' : 'public, max-age=31536000, immutable');
    },
  });
