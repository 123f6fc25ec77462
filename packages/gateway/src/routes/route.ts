import type { Producer } from '@hearth/producer';
import type { ErrorCode } from '@hearth/shared';
import type { Logger } from '@hearth/shared/internal';
import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { Credentials } from '../auth/credentials.js';
import type { Grant, Scope } from '../auth/grant.js';
import type { BoardQueues } from '../board/board-queues.js';
import type { ResolvedGatewayOptions } from '../options.js';

/** What handlers work with. */
export interface Services {
  producer: Producer;
  credentials: Credentials;
  /** False: there are no tokens, and whoever reaches the gateway may do everything. */
  authentication: boolean;
  options: ResolvedGatewayOptions;
  boardQueues: BoardQueues;
  /** Aborts when the gateway is asked to stop: whoever waits is answered, streams end. */
  stopping: AbortSignal;
  log: Logger;
}

/** One request, once it is known to be allowed and well-formed. */
export interface Exchange<P, Q, B> {
  params: P;
  query: Q;
  body: B;
  grant: Grant;
  /** Aborts when the client is gone, its token or sign-in has ended, or the gateway is to stop. */
  signal: AbortSignal;
  services: Services;
  request: Request;
  response: Response;
}

/** What is answered. `sent`: the handler wrote the response itself. */
export type Answer = { status: number; body?: object; text?: string } | 'sent';

/** What a status can answer with, for the document. */
export interface Documented {
  description: string;
  schema?: z.ZodType;
  /** @defaultValue `application/json` */
  contentType?: string;
}

interface RouteOf<P, Q, B> {
  method: 'get' | 'post' | 'delete';
  /** As OpenAPI writes it: `/v1/sessions/{sessionId}`. */
  path: string;
  /** Names it in the document and in clients made from it. */
  operation: string;
  tag: 'Turns' | 'Sessions' | 'Permissions' | 'Cluster' | 'Sign-in' | 'Gateway';
  summary: string;
  description?: string;
  /** Absent: for everybody. */
  scope?: Scope;
  /** It shows the whole cluster: no token that is confined to sessions. */
  wholeCluster?: boolean;
  params?: z.ZodType<P>;
  query?: z.ZodType<Q>;
  /** Headers it reads, for the document: name → description. */
  headers?: Record<string, string>;
  body?: z.ZodType<B>;
  /** The body may be left out. */
  bodyIsOptional?: boolean;
  /** The code of a body that its schema refuses. @defaultValue `invalid_request` */
  invalidBody?: ErrorCode;
  /** Explains a body that its schema refused, in better words, by throwing. */
  explain?(body: unknown): void;
  responses: Record<number, Documented | Documented[]>;
  /** Errors besides those that come with scope, params, query and body. */
  errors?: readonly ErrorCode[];
  handle(exchange: Exchange<P, Q, B>): Promise<Answer> | Answer;
}

/** A route of any kind: its parts were checked against each other by {@link route}. */
export type Route = RouteOf<unknown, unknown, unknown>;

/** Declares a route; what its handler gets is what its schemas say. */
export function route<P = undefined, Q = undefined, B = undefined>(spec: RouteOf<P, Q, B>): Route {
  return spec as unknown as Route;
}
