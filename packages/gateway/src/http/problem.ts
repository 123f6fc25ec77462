import { type ErrorCode, errorBodySchema, errorCatalogue, HearthError } from '@hearth/shared';
import { z } from 'zod';

/** The HTTP status of every error code. */
export const statusOf = {
  invalid_options: 400,
  invalid_request: 400,
  invalid_session_id: 400,
  invalid_turn_id: 400,
  invalid_prompt: 400,
  invalid_metadata: 400,
  invalid_job: 400,
  invalid_answer: 400,
  unauthenticated: 401,
  forbidden: 403,
  cross_origin: 403,
  csrf_refused: 403,
  not_found: 404,
  session_gone: 404,
  turn_gone: 404,
  request_gone: 404,
  method_not_allowed: 405,
  profile_mismatch: 409,
  session_busy: 409,
  session_closing: 409,
  already_resolved: 409,
  turn_running: 409,
  turn_ended: 409,
  cancelled: 409,
  interrupted: 409,
  stream_expired: 410,
  prompt_too_large: 413,
  request_too_large: 413,
  unsupported_media_type: 415,
  backlog_full: 429,
  expired: 504,
  internal: 500,
  store_refused: 500,
  lease_lost: 500,
  agent_crashed: 502,
  agent_failed: 502,
  model_limit_reached: 429,
  model_rate_limited: 429,
  model_login_refused: 502,
  prompt_refused: 422,
  model_no_credit: 502,
  model_not_found: 502,
  agent_protocol: 502,
  agent_start_failed: 502,
  agent_start_timeout: 504,
  budget_exceeded: 502,
  agent_out_of_memory: 502,
  first_event_timeout: 504,
  silence_timeout: 504,
  turn_timeout: 504,
  owner_unreachable: 504,
  profile_unknown: 503,
  claude_not_found: 503,
  home_unusable: 503,
  disk_full: 503,
  redis_unreachable: 503,
  redis_too_old: 503,
  redis_evicting: 503,
  not_ready: 503,
  closed: 503,
} as const satisfies Record<ErrorCode, number>;

/** A problem document (RFC 9457): a HearthError with type, title and status. */
export const problemSchema = z.object({
  /** Where the code is documented. */
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  ...errorBodySchema.omit({ message: true }).shape,
  /** The id of the request in the gateway's log. */
  requestId: z.string(),
});
export type Problem = z.infer<typeof problemSchema>;

/** The problem document of an error. For errors that are not Hearth's it reveals nothing. */
export function problemOf(error: HearthError, requestId: string): Problem {
  const { code, message, ...details } = error.toJSON();
  return {
    type: `/docs#${code}`,
    title: errorCatalogue[code].title,
    status: statusOf[code],
    detail: message,
    code,
    ...details,
    requestId,
  };
}

/** Fields of errors that express and its body parser throw. */
interface HttpError {
  status?: number;
  type?: string;
}

/** Makes a HearthError of anything thrown while a request was served. */
export function hearthErrorOf(error: unknown): HearthError {
  if (error instanceof HearthError) return error;
  const { status, type } = (error ?? {}) as HttpError;
  if (type === 'entity.too.large') {
    return new HearthError('request_too_large', 'The body of the request exceeds the limit of the gateway.', {
      field: 'body',
      wayOut: 'Put the material into a file of the workspace and name it in the prompt.',
      cause: error,
    });
  }
  if (status === 415) {
    return new HearthError('unsupported_media_type', 'The body is compressed or encoded in an unknown way.', {
      field: 'content-type',
      expected: 'application/json in UTF-8',
      wayOut: 'Send it as it is.',
      cause: error,
    });
  }
  if (type === 'entity.parse.failed') {
    return new HearthError('invalid_request', 'The body of the request is not JSON.', {
      field: 'body',
      expected: 'a JSON object',
      wayOut: 'Correct the body and send the request again.',
      cause: error,
    });
  }
  if (status === 400) {
    return new HearthError('invalid_request', 'The request is malformed.', {
      expected: 'a path whose percent-encoding is UTF-8, and a whole body',
      wayOut: 'Encode ids in paths with encodeURIComponent.',
      cause: error,
    });
  }
  return new HearthError('internal', 'Something went wrong in the gateway.', {
    wayOut: 'Find the requestId in its log.',
    cause: error,
  });
}
