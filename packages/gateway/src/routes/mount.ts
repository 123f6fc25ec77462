import { HearthError } from '@hearth/shared';
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import { grantFor, refuseConfined, refuseForgery, refuseOutside } from '../auth/authorize.js';
import type { Grant } from '../auth/grant.js';
import { contextOf } from '../auth/request-context.js';
import { withoutAdditions } from '../http/library-query.js';
import { parsePart } from './parse.js';
import type { Answer, Route, Services } from './route.js';

/** Mounts the routes of a table. A wrong method is answered with the allowed ones. */
export function mountRoutes(app: Express, routes: readonly Route[], services: Services): void {
  const parser = express.json({ limit: services.options.bodyMaxBytes, strict: false });
  for (const route of routes) {
    app[route.method](expressPath(route.path), admit(route, services), parser, serve(route, services));
  }
  for (const path of new Set(routes.map((route) => route.path))) {
    app.all(expressPath(path), refuseMethod(routes.filter((route) => route.path === path)));
  }
}

const expressPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

/** The grant of a request to a public route. */
const anonymous: Grant = { name: 'anonymous', scope: 'read' };

/** Checks everything that can be checked before the body is read. */
function admit(route: Route, { credentials }: Services): RequestHandler {
  return (request, response, next) => {
    const context = contextOf(response);
    context.log.route = route.path;
    const grant = route.scope && grantFor(context, route.scope);
    if (grant !== undefined) refuseForgery(request, context, credentials);
    const params = paramsOf(route, request);
    for (const name of ['sessionId', 'turnId'] as const) {
      if (typeof params[name] === 'string') context.log[name] = params[name];
    }
    if (grant !== undefined && route.wholeCluster) refuseConfined(grant);
    if (grant !== undefined && typeof params['sessionId'] === 'string') refuseOutside(grant, params['sessionId']);
    refuseOtherTypes(request);
    next();
  };
}

function serve(route: Route, services: Services): RequestHandler {
  return async (request, response) => {
    const query = route.query && parsePart(route.query, withoutAdditions(request.query), 'query');
    const body = route.body && parseBody(route, request);
    const { caller } = contextOf(response);
    const answer = await route.handle({
      params: paramsOf(route, request),
      query,
      body,
      grant: caller?.grant ?? anonymous,
      signal: leaving(response, services.stopping, caller?.expiresAt),
      services,
      request,
      response,
    });
    send(response, answer);
  };
}

/** The longest time of a Node timer, ms. A client that is cut off then may come back. */
const longestTimerMs = 2 ** 31 - 1;

/** Aborts when the client is gone, its credential has expired, or the gateway stops. Not by `AbortSignal.any`, because some Node 20 keep every signal made of a long-lived one. */
function leaving(response: Response, stopping: AbortSignal, expiresAt: number | undefined): AbortSignal {
  const controller = new AbortController();
  const leave = (): void => controller.abort();
  stopping.addEventListener('abort', leave);
  if (stopping.aborted) leave();
  const expiry =
    expiresAt === undefined ? undefined : setTimeout(leave, Math.min(expiresAt - Date.now(), longestTimerMs));
  response.once('close', () => {
    clearTimeout(expiry);
    stopping.removeEventListener('abort', leave);
    leave();
  });
  return controller.signal;
}

const paramsOf = (route: Route, request: Request): Record<string, unknown> =>
  route.params === undefined ? {} : (parsePart(route.params, request.params, 'path') as Record<string, unknown>);

function parseBody(route: Route, request: Request): unknown {
  const given: unknown = hasBody(request) || !route.bodyIsOptional ? request.body : {};
  if (given === undefined) {
    throw new HearthError(route.invalidBody ?? 'invalid_request', 'The request has no body.', {
      field: 'body',
      expected: 'a JSON object',
      wayOut: 'Send it with the content type application/json.',
    });
  }
  if (route.body?.safeParse(given).success === false) route.explain?.(given);
  return route.body && parsePart(route.body, given, 'body', route.invalidBody);
}

const hasBody = (request: Request): boolean =>
  request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;

/** Requires JSON, because a form of another page can send text and forms by itself, but never JSON. */
function refuseOtherTypes(request: Request): void {
  if (!hasBody(request) || request.is('application/json')) return;
  throw new HearthError('unsupported_media_type', 'The body of the request is not declared as JSON.', {
    field: 'content-type',
    expected: 'application/json',
    wayOut: 'Send JSON, with that content type.',
  });
}

function send(response: Response, answer: Answer): void {
  if (answer === 'sent') return;
  response.status(answer.status).set('cache-control', 'no-store');
  if (answer.body !== undefined) response.json(answer.body);
  else if (answer.text !== undefined) response.send(answer.text);
  else response.end();
}

function refuseMethod(routes: readonly Route[]): RequestHandler {
  const methods = routes.map(({ method }) => method.toUpperCase());
  const allowed = ['OPTIONS', ...(methods.includes('GET') ? ['HEAD'] : []), ...methods].sort().join(', ');
  return (request, response) => {
    contextOf(response).log.route = routes[0]?.path ?? '';
    response.set('allow', allowed);
    if (request.method === 'OPTIONS') {
      response.status(204).end();
      return;
    }
    throw new HearthError('method_not_allowed', `${request.method} is not allowed at this address.`, {
      field: 'method',
      expected: allowed,
      wayOut: 'See /docs for the allowed methods.',
    });
  };
}
