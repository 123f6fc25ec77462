import { setTimeout as pause } from 'node:timers/promises';

/** The first and the longest pause between two attempts when the service names none, in ms. */
const firstPauseMs = 500;
const longestPauseMs = 30_000;

/** A call that the chat service did not take this time: it is busy or broken, or the connection was cut. */
export class TryAgain extends Error {
  override readonly name = 'TryAgain';

  constructor(
    message: string,
    /** The service's own delay, in ms. */
    readonly afterMs?: number,
  ) {
    super(message);
  }
}

/**
 * Repeats a call until the service takes it, or refuses it for good. A message whose confirmation was lost is posted again, because twice is
 * better than never.
 *
 * @param signal ends the attempts. Without it a waiting attempt does not keep the process alive.
 */
export async function persistently<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  let pauseMs = firstPauseMs;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof TryAgain)) throw error;
      const afterMs = error.afterMs ?? pauseMs;
      if (error.afterMs === undefined) pauseMs = Math.min(2 * pauseMs, longestPauseMs);
      process.stderr.write(`${error.message}; again in ${afterMs} ms\n`);
      await pause(afterMs, undefined, signal === undefined ? { ref: false } : { signal });
    }
  }
}
