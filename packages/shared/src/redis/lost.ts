/** What sockets, and looking for a host, fail with. */
const networkCode = /^(?:ECONN[A-Z]+|EPIPE|ETIMEDOUT|EHOST[A-Z]+|ENET[A-Z]+|ENOTFOUND|EAI_AGAIN)$/;

/** ioredis names its own by nothing but their words. */
const lostWords = new Set([
  'Connection is closed.',
  "Stream isn't writeable and enableOfflineQueue options is false",
  'Command timed out',
  'Command aborted due to connection close',
  'connect ETIMEDOUT',
]);

/** A Redis that answers, and has no data (yet), or may not write any more. */
const notServing = /^(?:LOADING|MASTERDOWN|CLUSTERDOWN|READONLY) /;

/** Whether a command failed because Redis was lost, or does not serve: what it was to do may be done or not. */
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
