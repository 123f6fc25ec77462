import type { Producer } from '@hearth/producer';
import type { ErrorCode } from '@hearth/shared';
import type { Logger } from '@hearth/shared/internal';
import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { Credentials } from '../auth/credentials.js';
import type { Grant, Scope } from '../auth/grant.js';
import type { BoardQueues } from '../board/board-queues.js';
import type { ResolvedGatewayOptions } from '../options.js';

/** The parts that handlers use. */
export interface Services {
  producer: Producer;
  credentials: Credentials;
  /** False: there are no tokens, so every caller may do everything. */
  authentication: boolean;
  options: ResolvedGatewayOptions;
  boardQueues: BoardQueues;
  /** Aborts when the gateway stops: waiting requests are answered, streams end. */
  stopping: AbortSignal;
  log: Logger;
}

/** One request that is allowed and valid. */
export interface Exchange<P, Q, B> {
  params: P;
  query: Q;
  body: B;
  grant: Grant;
  /** Aborts when the client is gone, its credential has expired, or the gateway stops. */
  signal: AbortSignal;
  services: Services;
  request: Request;
  response: Response;
}

/** An answer. `sent`: the handler wrote the response itself. */
export type Answer = { status: number; body?: object; text?: string } | 'sent';

/** An answer of a status, for the document. */
export interface Documented {
  description: string;
  schema?: z.ZodType;
  /** @defaultValue `application/json` */
  contentType?: string;
}

interface RouteOf<P, Q, B> {
  method: 'get' | 'post' | 'delete';
  /** In the notation of OpenAPI: `/v1/sessions/{sessionId}`. */
  path: string;
  /** Its name in the document and in generated clients. */
  operation: string;
  tag: 'Turns' | 'Sessions' | 'Permissions' | 'Cluster' | 'Sign-in' | 'Gateway';
  summary: string;
  description?: string;
  /** Absent: no token needed. */
  scope?: Scope;
  /** Whether it shows the whole cluster, so that confined tokens are refused. */
  wholeCluster?: boolean;
  params?: z.ZodType<P>;
  query?: z.ZodType<Q>;
  /** Headers it reads, for the document: name → description. */
  headers?: Record<string, string>;
  body?: z.ZodType<B>;
  /** Whether the body may be left out. */
  bodyIsOptional?: boolean;
  /** The code of an invalid body. @defaultValue `invalid_request` */
  invalidBody?: ErrorCode;
  /** Throws a better error for an invalid body. */
  explain?(body: unknown): void;
  responses: Record<number, Documented | Documented[]>;
  /** Errors besides those that come with scope, params, query and body. */
  errors?: readonly ErrorCode[];
  handle(exchange: Exchange<P, Q, B>): Promise<Answer> | Answer;
}

/** A route of any types. {@link route} has checked its parts against each other. */
export type Route = RouteOf<unknown, unknown, unknown>;

/** Declares a route. Its handler gets what its schemas produce. */
export function route<P = undefined, Q = undefined, B = undefined>(spec: RouteOf<P, Q, B>): Route {
  return spec as unknown as Route;
}
