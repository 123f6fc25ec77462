/** Codes of errors of sockets and of host lookup. */
const networkCode = /^(?:ECONN[A-Z]+|EPIPE|ETIMEDOUT|EHOST[A-Z]+|ENET[A-Z]+|ENOTFOUND|EAI_AGAIN)$/;

/** ioredis gives its own errors neither codes nor names. */
const lostWords = new Set([
  'Connection is closed.',
  "Stream isn't writeable and enableOfflineQueue options is false",
  'Command timed out',
  'Command aborted due to connection close',
  'connect ETIMEDOUT',
]);

/** Replies of a Redis that answers but has no data yet or may not write. */
const notServing = /^(?:LOADING|MASTERDOWN|CLUSTERDOWN|READONLY) /;

/** Whether a command failed because Redis was lost or does not serve. The command may have taken effect. */
export function isRedisLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return (
    error.name === 'MaxRetriesPerRequestError' ||
    (code !== undefined && networkCode.test(code)) ||
    lostWords.has(error.message) ||
    notServing.test(error.message)
  );
}
