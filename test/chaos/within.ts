import { setTimeout as pause } from 'node:timers/promises';

/** Resolves when that has, or after so many ms: the run goes on, whatever never ends. */
export async function within(ms: number, ended: Promise<unknown>): Promise<void> {
  const late = new AbortController();
  await Promise.race([ended, pause(ms, undefined, { signal: late.signal }).catch(() => undefined)]);
  late.abort();
}
