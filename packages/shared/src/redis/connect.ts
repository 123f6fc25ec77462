import { Redis } from 'ioredis';

/** Longest pause between two attempts to connect. */
const reconnectAtMostMs = 1_000;
const retryStrategy = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 6), reconnectAtMostMs);

/**
 * A connection that fails fast: for producers. A command given while Redis is away fails at once; one in flight is
 * repeated at most twice (every script of ours may be repeated). A Redis that does not answer for `answerTimeoutMs` is away; a
 * connection over which nothing is answered for half of that is left for another, in case it is the connection.
 */
export function connectFailingFast(url: string, name: string, answerTimeoutMs = 5_000): Redis {
  return new Redis(url, {
    connectionName: name,
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 2,
    connectTimeout: answerTimeoutMs,
    commandTimeout: answerTimeoutMs,
    // Counts while an answer is due: a connection that is idle is kept.
    socketTimeout: Math.ceil(answerTimeoutMs / 2),
    // A primary that was demoted keeps its connections: only another one leads to who is primary now. The command fails all the same,
    // since nothing waits here for a connection.
    reconnectOnError: (error) => error.message.startsWith('READONLY '),
    retryStrategy,
  });
}

/**
 * Ends a connection at once and for good; whatever still waits on it is rejected. `Redis.disconnect` alone, in the pause between two
 * attempts to connect, forgets what waits for the next.
 */
export function disconnectNow(redis: Redis): void {
  if (redis.status === 'end') return;
  redis.disconnect();
  if (redis.status !== 'reconnecting') return;
  // An attempt that is called off rejects it.
  redis.connect().catch(() => undefined);
  redis.disconnect();
}

/** A connection that waits for Redis to come back: for workers, subscribers and BullMQ's workers. */
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
