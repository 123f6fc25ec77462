import type { ErrorCode } from '@hearth/shared';
import type { z } from 'zod';
import type { Route } from './route.js';

/** Field → the code of an invalid one. */
const codeOfField: Record<string, ErrorCode> = {
  sessionId: 'invalid_session_id',
  turnId: 'invalid_turn_id',
  prompt: 'invalid_prompt',
  metadata: 'invalid_metadata',
};

/** The code of an invalid field, if it has one of its own. */
export const codeFor = (field: string): ErrorCode | undefined => codeOfField[field];

/** The errors a route can end in: its own, and those of its scope, params, query and body. */
export function errorsOf(route: Route): ErrorCode[] {
  const { params, query, body, errors = [] } = route;
  const isParsed = params !== undefined || query !== undefined || body !== undefined;
  const ofFields = Object.keys(codeOfField).filter((field) => fieldsOf(route).has(field));
  return [
    ...new Set<ErrorCode>([
      ...ofAccess(route),
      ...(isParsed ? (['invalid_request'] as const) : []),
      ...ofFields.flatMap((field) => codeOfField[field] ?? []),
      ...(body === undefined ? [] : ofBody(route)),
      ...errors,
      ...(errors.includes('redis_unreachable') ? ofRedis : []),
    ]),
  ];
}

/** Codes that the first contact with a Redis can end in. */
const ofRedis = ['redis_too_old', 'redis_evicting'] as const satisfies ErrorCode[];

function ofAccess(route: Route): ErrorCode[] {
  const { method, scope, wholeCluster } = route;
  const isWrite = method !== 'get';
  // Every token may read, except sessions outside its grant and the whole cluster.
  const mayBeForbidden = scope !== undefined && (scope !== 'read' || wholeCluster || fieldsOf(route).has('sessionId'));
  return [
    ...(scope === undefined ? [] : (['unauthenticated'] as const)),
    ...(mayBeForbidden ? (['forbidden'] as const) : []),
    ...(isWrite ? (['cross_origin'] as const) : []),
    ...(isWrite && scope !== undefined ? (['csrf_refused'] as const) : []),
  ];
}

const ofBody = ({ invalidBody }: Route): ErrorCode[] => [
  ...(invalidBody === undefined ? [] : [invalidBody]),
  'request_too_large',
  'unsupported_media_type',
];

function fieldsOf({ params, body, headers = {} }: Route): Set<string> {
  const named = [params, body].flatMap((schema) =>
    Object.keys((schema as Partial<z.ZodObject> | undefined)?.shape ?? {}),
  );
  return new Set([...named, ...('Idempotency-Key' in headers ? ['turnId'] : [])]);
}
