import { z } from 'zod';
import { docsPage } from './openapi/docs-page.js';
import { docsStyle } from './openapi/docs-style.js';
import { type OpenApiDocument, openApiDocument } from './openapi/document.js';
import { type Route, route } from './route.js';

/** The routes that describe the routes. @param all read on the first request, because these routes are in it too */
export function documentRoutes(all: () => readonly Route[]): readonly Route[] {
  let made: OpenApiDocument | undefined;
  const document = (): OpenApiDocument => {
    made ??= openApiDocument(all());
    return made;
  };
  return [
    route({
      method: 'get',
      path: '/openapi.json',
      operation: 'openapi',
      tag: 'Gateway',
      summary: 'This description, as OpenAPI 3.1',
      responses: { 200: { description: 'The document', schema: z.looseObject({ openapi: z.string() }) } },
      handle: () => ({ status: 200, body: document() }),
    }),
    route({
      method: 'get',
      path: '/docs',
      operation: 'docs',
      tag: 'Gateway',
      summary: 'This description, as a page',
      responses: { 200: { description: 'A page', contentType: 'text/html', schema: z.string() } },
      handle({ response }) {
        response.type('html');
        return { status: 200, text: docsPage(document()) };
      },
    }),
    route({
      method: 'get',
      path: '/docs/style.css',
      operation: 'docsStyle',
      tag: 'Gateway',
      summary: 'How that page looks',
      responses: { 200: { description: 'A style sheet', contentType: 'text/css', schema: z.string() } },
      handle({ response }) {
        response.type('css');
        return { status: 200, text: docsStyle };
      },
    }),
  ];
}
