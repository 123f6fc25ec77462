import type { Response } from 'express';
import type { Caller } from './credentials.js';

/** What the gateway knows of a request while it serves it. */
export interface RequestContext {
  requestId: string;
  /** The caller whose token or cookie came with it. Undefined: none, or none that is valid. */
  caller: Caller | undefined;
  /** Why `caller` is undefined although a token came. */
  refused: unknown;
  /** The valid cookie it came with. */
  cookie: string | undefined;
  /** For the log: the route's path and ids. Never prompts, tokens, or a query. */
  log: { route?: string; sessionId?: string; turnId?: string; code?: string; err?: unknown };
}

const contexts = new WeakMap<Response, RequestContext>();

/** Creates the context of a request. */
export function openContext(response: Response, requestId: string): RequestContext {
  const context: RequestContext = { requestId, caller: undefined, refused: undefined, cookie: undefined, log: {} };
  contexts.set(response, context);
  return context;
}

export function contextOf(response: Response): RequestContext {
  const context = contexts.get(response);
  if (context === undefined) throw new TypeError('the request has not passed requestLog');
  return context;
}
