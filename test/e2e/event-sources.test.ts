/** What EventSource libraries send, read from their sources, works: parameters, headers, and the preflight of a page of another origin. */
import { expect, test } from 'vitest';
import { receive } from '../support/event-source.js';
import { allTokens, bearer, shareGateway, testTokens } from '../support/gateway.js';
import { shareCluster } from '../support/shared-cluster.js';

interface Library {
  name: string;
  /** Its query when it connects, and when it comes back after the event `id`. */
  query: (id: string | undefined) => Record<string, string>;
  /** Its headers besides the token, likewise. */
  headers: (id: string | undefined) => Record<string, string>;
}

const header = (id: string | undefined): Record<string, string> => (id === undefined ? {} : { 'last-event-id': id });
const nothing = (): Record<string, string> => ({});
const noCache = { 'cache-control': 'no-cache' };
/** `Cache-Control` and `X-Requested-With`, as the polyfill of Rem Sharp set them and many copies do. */
const ofPolyfills = { ...noCache, 'x-requested-with': 'XMLHttpRequest' };

const libraries: readonly Library[] = [
  { name: 'the EventSource of browsers, eventsource 3, eventsource-client', query: nothing, headers: header },
  { name: '@microsoft/fetch-event-source, sse.js', query: nothing, headers: header },
  {
    name: 'eventsource 1 and 2, launchdarkly-eventsource',
    query: nothing,
    headers: (id) => ({ ...noCache, ...header(id) }),
  },
  {
    name: 'react-native-sse, react-native-event-source',
    query: nothing,
    headers: (id) => ({ ...ofPolyfills, ...header(id) }),
  },
  { name: 'event-source-polyfill 1', query: (id) => (id === undefined ? {} : { lastEventId: id }), headers: nothing },
  { name: 'event-source-polyfill 0', query: (id = '') => ({ lastEventId: id, r: '8244353' }), headers: nothing },
  {
    name: 'event-source-polyfill with the name that Mercure uses',
    query: (id) => (id === undefined ? {} : { 'Last-Event-ID': id }),
    headers: nothing,
  },
  {
    name: 'eventsource-polyfill',
    query: () => ({ evs_buffer_size_limit: '262144' }),
    headers: (id) => ({ ...ofPolyfills, ...header(id) }),
  },
  {
    name: 'eventsource-polyfill without headers',
    query: (id) => ({ evs_preamble: '2056', ...(id === undefined ? {} : { evs_last_event_id: id }) }),
    headers: nothing,
  },
  { name: 'reconnecting-eventsource', query: (id) => (id === undefined ? {} : { lastEventId: id }), headers: header },
  {
    name: 'jQuery without a cache',
    query: () => ({ _: '1764554117000' }),
    headers: (id) => ({ 'x-requested-with': 'XMLHttpRequest', ...header(id) }),
  },
];

const origin = 'https://app.example';
const shared = shareCluster();
const gateway = shareGateway(shared, { tokens: allTokens, corsOrigins: [origin] });

test.each(libraries)('$name connects and comes back', async ({ query, headers }) => {
  const session = shared().producer.session('s');
  await (await session.prompt('hello', { turnId: 't' })).result();
  const read = async (id: string | undefined): Promise<string[]> => {
    const address = `${gateway().url}/v1/sessions/s/turns/t/events?${new URLSearchParams(query(id)).toString()}`;
    const sent = { ...headers(id), ...bearer(testTokens.read) };
    const preflight = await fetch(address, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'GET',
        'access-control-request-headers': Object.keys(sent).join(','),
      },
    });
    const allowed = preflight.headers.get('access-control-allow-headers')?.split(',') ?? [];
    expect(allowed).toEqual(expect.arrayContaining(Object.keys(sent)));
    const response = await fetch(address, { headers: { origin, accept: 'text/event-stream', ...sent } });
    expect(response.status).toBe(200);
    const ids = [];
    for await (const event of receive(response)) ids.push(event.id ?? '');
    return ids;
  };
  const all = await read(undefined);
  expect(all.length).toBeGreaterThan(2);
  expect(await read(all[1])).toEqual(all.slice(2));
});

test('refuses a cursor that is none by the name of its parameter', async () => {
  const response = await fetch(`${gateway().url}/v1/sessions/s/events?lastEventId=x`, {
    headers: bearer(testTokens.read),
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ code: 'invalid_request', field: 'lastEventId' });
});
