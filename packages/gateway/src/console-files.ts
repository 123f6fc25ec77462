import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type RequestHandler } from 'express';

const page = fileURLToPath(import.meta.resolve('@hearth/console/index.html'));

/** Serves the console's page. Its assets have a content hash in their names, so browsers keep them. The page itself is revalidated. */
export const consoleFiles = (): RequestHandler =>
  express.static(dirname(page), {
    setHeaders: (response, path) => {
      const isPage = basename(path) === basename(page);
      response.setHeader('cache-control', isPage ? 'no-cache' : 'public, max-age=31536000, immutable');
    },
  });
