import type { Keys, SessionStore } from '@hearth/shared';
import type { Redis } from 'ioredis';

/** A line to (`in`) or from (`out`) a session's agent, or on its stderr (`err`). */
export interface RawLine {
  way: 'in' | 'out' | 'err';
  line: string;
}

/** The owner shows raw lines for 15 s after it was asked; and the owner can change. */
const askEveryMs = 3_000;

/** The raw lines of a session's agent, as they come, until `signal` aborts. None is kept: what nobody watches is not sent. */
export async function* rawLines(
  deps: { redis: Redis; subscriber: Redis; keys: Keys; store: SessionStore },
  sessionId: string,
  signal: AbortSignal,
): AsyncGenerator<RawLine> {
  const channel = deps.keys.rawChannel(sessionId);
  const waiting: RawLine[] = [];
  let wake: () => void = () => undefined;
  const onMessage = (name: string, message: string): void => {
    if (name !== channel) return;
    const space = message.indexOf(' ');
    waiting.push({ way: message.slice(0, space) as RawLine['way'], line: message.slice(space + 1) });
    wake();
  };
  const ask = async (): Promise<void> => {
    const owner = (await deps.store.session(sessionId))?.owner;
    if (owner !== undefined) await deps.redis.publish(deps.keys.wakePrefix + owner, `${sessionId} watch`);
  };
  const onAbort = (): void => wake();
  deps.subscriber.on('message', onMessage);
  signal.addEventListener('abort', onAbort);
  const timer = setInterval(() => void ask().catch(() => undefined), askEveryMs);
  try {
    await deps.subscriber.subscribe(channel);
    await ask();
    while (!signal.aborted) {
      const next = waiting.shift();
      if (next !== undefined) yield next;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', onAbort);
    deps.subscriber.off('message', onMessage);
    await deps.subscriber.unsubscribe(channel).catch(() => undefined);
  }
}
