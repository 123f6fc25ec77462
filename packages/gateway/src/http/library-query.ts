/** Parameters that EventSource libraries and polyfills add to a query by themselves. `test/e2e/event-sources.test.ts` lists the libraries. */

/** They defeat caches, or ask for padding that only old browsers need. */
const ignored = new Set(['_', 'r', 'padding', 'evs_preamble', 'evs_buffer_size_limit']);
/** Names of the last event's id besides `lastEventId`. */
const idNames = new Set(['Last-Event-ID', 'Last-Event-Id', 'last-event-id', 'evs_last_event_id']);

/** A query without what libraries add: `lastEventId` is the id a library comes back with. */
export function withoutAdditions(query: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(query)) {
    if (ignored.has(name)) continue;
    if (name !== 'lastEventId' && !idNames.has(name)) kept[name] = value;
    else {
      // A library appends its id to an address that may have one, and sends an empty one before the first event.
      const id: unknown = Array.isArray(value) ? value.at(-1) : value;
      if (id !== '') kept['lastEventId'] = id;
    }
  }
  return kept;
}
