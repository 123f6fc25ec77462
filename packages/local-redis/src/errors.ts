export type LocalRedisErrorCode =
  | 'redis_not_found'
  | 'redis_fetch_failed'
  | 'redis_start_failed'
  | 'redis_already_running';

/** Why no Redis could be started. The message says what to do. */
export class LocalRedisError extends Error {
  override readonly name = 'LocalRedisError';

  constructor(
    readonly code: LocalRedisErrorCode,
    message: string,
    options?: { cause: unknown },
  ) {
    super(message, options);
  }
}
