import type { HearthEvent } from '../schema/events.js';

/**
 * Parses an entry of `lua/includes/publish.lua`: a JSON object, or a JSON array of one and of fields that the script decided (a seq, a
 * time by Redis' clock).
 */
export function parseEntry<T extends object>(json: string): T {
  return mergeEntry<T>(JSON.parse(json));
}

/** Parses one event of the stream or of the session's channel. */
export const eventOf = (parsed: unknown): HearthEvent => {
  const event = mergeEntry<HearthEvent>(parsed);
  // The script writes the seq of a refused turn beside the event only, and the event's result contains it too.
  return Array.isArray(parsed) && 'result' in event ? { ...event, result: { ...event.result, seq: event.seq } } : event;
};

const mergeEntry = <T extends object>(parsed: unknown): T =>
  Array.isArray(parsed) ? Object.assign({}, ...(parsed as object[])) : (parsed as T);
