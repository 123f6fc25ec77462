import { setTimeout as pause } from 'node:timers/promises';

/** Resolves when the promise has settled, or after this many ms: the run continues, whatever does not end. */
export async function within(ms: number, ended: Promise<unknown>): Promise<void> {
  const late = new AbortController();
  await Promise.race([ended, pause(ms, undefined, { signal: late.signal }).catch(() => undefined)]);
  late.abort();
}
