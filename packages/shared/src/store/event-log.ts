import type { Redis } from 'ioredis';
import type { Keys } from '../keys.js';
import type { HearthEvent } from '../schema/events.js';
import { eventOf } from './entry.js';

export interface NumberedEvent {
  id: number;
  event: HearthEvent;
}

/** The entries of the stream after a reader's cursor. */
export interface EventsAfter {
  /** Undefined: no such session. */
  incarnation: string | undefined;
  /** Id of the session's last event. */
  last: number;
  events: NumberedEvent[];
}

/** Parses a message of a session's channel, `<incarnation> <first id> [event,…]`, as `lua/includes/publish.lua` sends it. */
export function parsePublished(message: string): { incarnation: string; events: NumberedEvent[] } {
  const afterIncarnation = message.indexOf(' ');
  const afterFirst = message.indexOf(' ', afterIncarnation + 1);
  const first = Number(message.slice(afterIncarnation + 1, afterFirst));
  const events = JSON.parse(message.slice(afterFirst + 1)) as unknown[];
  return {
    incarnation: message.slice(0, afterIncarnation),
    events: events.map((event, at) => ({ id: first + at, event: eventOf(event) })),
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
  const { session, events } = keys.session(sessionId);
  // The counters are read first. An event that is appended in between is then read early, and not missed.
  const [incarnation, last] = await redis.hmget(session, 'incarnation', 'events');
  const entries = await redis.xrange(events, `${id + 1}-0`, '+', 'COUNT', count);
  return {
    incarnation: incarnation ?? undefined,
    last: Number(last ?? 0),
    events: entries.map(([entryId, fields]) => ({
      id: Number(entryId.slice(0, entryId.indexOf('-'))),
      event: eventOf(JSON.parse(fields[1] ?? '{}')),
    })),
  };
}
