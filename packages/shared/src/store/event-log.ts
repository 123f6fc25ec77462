import type { Redis } from 'ioredis';
import type { Keys } from '../keys.js';
import type { HearthEvent } from '../schema/events.js';

export interface NumberedEvent {
  id: number;
  event: HearthEvent;
}

/** What the Redis Stream has after a reader's place. */
export interface EventsAfter {
  /** Absent: no such session. */
  incarnation: string | undefined;
  /** Id of the last event ever appended. */
  last: number;
  events: NumberedEvent[];
}

/** Parses a message of a session's channel, `<incarnation> <first id> [event,…]`, as `lua/includes/publish.lua` sends it. */
export function parsePublished(message: string): { incarnation: string; events: NumberedEvent[] } {
  const afterIncarnation = message.indexOf(' ');
  const afterFirst = message.indexOf(' ', afterIncarnation + 1);
  const first = Number(message.slice(afterIncarnation + 1, afterFirst));
  const events = JSON.parse(message.slice(afterFirst + 1)) as HearthEvent[];
  return {
    incarnation: message.slice(0, afterIncarnation),
    events: events.map((event, at) => ({ id: first + at, event })),
  };
}

/** Reads at most `count` events after `id` from the Redis Stream. */
export async function readEventsAfter(
  redis: Redis,
  keys: Keys,
  sessionId: string,
  id: number,
  count: number,
): Promise<EventsAfter> {
  const names = keys.session(sessionId);
  // The counters are read first: what is appended in between shows up in the entries, and is asked for again otherwise.
  const [incarnation, last] = await redis.hmget(names[0], 'incarnation', 'events');
  const entries = await redis.xrange(names[5], `${id + 1}-0`, '+', 'COUNT', count);
  return {
    incarnation: incarnation ?? undefined,
    last: Number(last ?? 0),
    events: entries.map(([entryId, fields]) => ({
      id: Number(entryId.slice(0, entryId.indexOf('-'))),
      event: JSON.parse(fields[1] ?? '{}') as HearthEvent,
    })),
  };
}
