import { Redis } from 'ioredis';

const reconnectAtMostMs = 1_000;
const retryStrategy = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 6), reconnectAtMostMs);

/**
 * Makes a connection that fails fast, for producers. While Redis is away a command fails at once; a command in flight is sent again at
 * most twice, which every script allows. Redis counts as away after `answerTimeoutMs` without an answer. After half of that ioredis
 * reconnects, in case only the connection is broken.
 */
export function connectFailingFast(url: string, name: string, answerTimeoutMs = 5_000): Redis {
  return new Redis(url, {
    connectionName: name,
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 2,
    connectTimeout: answerTimeoutMs,
    commandTimeout: answerTimeoutMs,
    // Counts only while an answer is due, so an idle connection stays open.
    socketTimeout: Math.ceil(answerTimeoutMs / 2),
    // A demoted primary keeps its connections, so only a new connection reaches the new primary. The command still fails, because this
    // connection does not queue commands.
    reconnectOnError: (error) => error.message.startsWith('READONLY '),
    retryStrategy,
  });
}

/**
 * Closes a connection for good and rejects its waiting commands. `Redis.disconnect` alone, called between two attempts to connect, never
 * settles commands that wait for the next attempt.
 */
export function disconnectNow(redis: Redis): void {
  if (redis.status === 'end') return;
  redis.disconnect();
  if (redis.status !== 'reconnecting') return;
  // Aborting an attempt to connect rejects them.
  redis.connect().catch(() => undefined);
  redis.disconnect();
}

/** Makes a connection that waits for Redis to come back, for workers, subscribers and BullMQ's workers. */
export function connectWaiting(url: string, name: string, options: { autoResubscribe?: boolean } = {}): Redis {
  return new Redis(url, {
    ...options,
    connectionName: name,
    lazyConnect: true,
    maxRetriesPerRequest: null,
    connectTimeout: 5_000,
    retryStrategy,
  });
}
