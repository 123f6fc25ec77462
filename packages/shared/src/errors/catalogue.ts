/**
 * The error codes of Hearth. Codes are stable, because programs switch on them. `caller` says what helps: the caller fixes its input
 * (`fix`) or retries later (`retry`), or an operator acts (`operate`).
 */
export const errorCatalogue = {
  invalid_options: { caller: 'fix', title: 'An option has a value it cannot have' },
  invalid_session_id: { caller: 'fix', title: 'The session id is not acceptable' },
  invalid_turn_id: { caller: 'fix', title: 'The turn id is not acceptable' },
  invalid_prompt: { caller: 'fix', title: 'The prompt is empty or malformed' },
  prompt_too_large: { caller: 'fix', title: 'The prompt is larger than allowed' },
  invalid_metadata: { caller: 'fix', title: 'The metadata of the turn is not acceptable' },
  invalid_job: { caller: 'fix', title: 'The data of a queue job is not a turn request' },
  profile_unknown: { caller: 'operate', title: 'No live worker has the profile' },
  profile_mismatch: { caller: 'fix', title: 'The session already runs under another profile' },
  backlog_full: { caller: 'retry', title: 'The session has too many turns waiting' },
  session_busy: { caller: 'retry', title: 'The session has a turn that waits or runs' },
  session_gone: { caller: 'fix', title: 'The session does not exist' },
  turn_gone: { caller: 'fix', title: 'The turn is unknown or forgotten' },
  stream_expired: { caller: 'retry', title: 'The requested events are no longer kept' },
  redis_unreachable: { caller: 'operate', title: 'Redis does not answer' },
  redis_too_old: { caller: 'operate', title: 'Redis is older than Hearth needs' },
  redis_evicting: { caller: 'operate', title: 'Redis may evict keys, so it could lose turns' },
  claude_not_found: { caller: 'operate', title: 'The claude binary was not found' },
  agent_start_failed: { caller: 'operate', title: 'The agent did not start' },
  agent_start_timeout: { caller: 'operate', title: 'The agent did not initialise in time' },
  agent_crashed: { caller: 'retry', title: 'The agent died while serving the turn' },
  agent_failed: { caller: 'retry', title: 'Claude ended the turn with an error' },
  agent_protocol: { caller: 'operate', title: 'The agent sent a line that Hearth does not understand' },
  first_event_timeout: { caller: 'retry', title: 'The agent sent nothing in time after its prompt' },
  silence_timeout: { caller: 'retry', title: 'The agent became silent in mid-turn' },
  turn_timeout: { caller: 'retry', title: 'The turn ran longer than its profile allows' },
  agent_out_of_memory: { caller: 'operate', title: 'The agent took more memory than the worker allows' },
  cancelled: { caller: 'fix', title: 'The turn was cancelled before it began, or its session was closed' },
  expired: { caller: 'retry', title: 'The turn waited longer than its expiresIn allows' },
  session_closing: { caller: 'retry', title: 'The session is closing' },
  owner_unreachable: { caller: 'retry', title: 'The session’s owner has not answered yet; the request is kept' },
  invalid_answer: { caller: 'fix', title: 'The answer to a permission request is not acceptable' },
  already_resolved: { caller: 'fix', title: 'The permission request is resolved already' },
  request_gone: { caller: 'fix', title: 'The permission request is no longer open' },
  turn_running: { caller: 'fix', title: 'The turn has begun, so it cannot be cancelled' },
  turn_ended: { caller: 'fix', title: 'The turn has its result already' },
  interrupted: { caller: 'retry', title: 'The turn was stopped, or cut off and not run again' },
  lease_lost: { caller: 'operate', title: 'The worker lost its lease' },
  store_refused: { caller: 'operate', title: 'The session store refused a write' },
  invalid_request: { caller: 'fix', title: 'The request is malformed' },
  unauthenticated: { caller: 'fix', title: 'The request carries no valid token' },
  forbidden: { caller: 'fix', title: 'The token does not allow this' },
  cross_origin: { caller: 'fix', title: 'The request comes from a page of another site' },
  csrf_refused: { caller: 'fix', title: 'A write of a signed-in browser lacks its CSRF token' },
  not_found: { caller: 'fix', title: 'There is nothing at this address' },
  method_not_allowed: { caller: 'fix', title: 'This address does not take this method' },
  request_too_large: { caller: 'fix', title: 'The body of the request is larger than allowed' },
  unsupported_media_type: { caller: 'fix', title: 'The body of the request has an unsupported type' },
  not_ready: { caller: 'retry', title: 'The gateway cannot serve turns now' },
  closed: { caller: 'fix', title: 'The object was closed before' },
  internal: { caller: 'operate', title: 'A defect in Hearth' },
} as const satisfies Record<string, { caller: 'fix' | 'retry' | 'operate'; title: string }>;

/** The stable code of a {@link HearthError}. */
export type ErrorCode = keyof typeof errorCatalogue;

/** All codes, for schemas and documents. */
export const errorCodes = Object.keys(errorCatalogue) as [ErrorCode, ...ErrorCode[]];
