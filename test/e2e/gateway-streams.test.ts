import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { type Received, receive } from '../support/event-source.js';
import { eventually } from '../support/facts.js';
import { allTokens, bearer, startGateway, testTokens } from '../support/gateway.js';
import { shareCluster } from '../support/shared-cluster.js';

const shared = shareCluster();

const numberOf = ({ id }: { id: string | undefined }): number => Number(id?.split('.')[1]);
const post = (url: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

/** Reads a stream, and cuts its connection after so many bytes, anywhere in an event. Returns whether the stream ended by itself. */
async function readSome(
  url: string,
  after: string | undefined,
  bytesAtMost: number,
  events: Received[],
): Promise<boolean> {
  const leaving = new AbortController();
  const response = await fetch(url, {
    signal: leaving.signal,
    headers: after === undefined ? {} : { 'last-event-id': after },
  });
  let left = bytesAtMost;
  const cut = new TransformStream<Uint8Array, Uint8Array>({
    transform(bytes, controller) {
      controller.enqueue(bytes.subarray(0, left));
      left -= bytes.length;
      if (left <= 0) controller.terminate();
    },
  });
  const body = response.body?.pipeThrough(cut) ?? null;
  for await (const event of receive(new Response(body))) events.push(event);
  leaving.abort();
  return left > 0;
}

test('a client that is cut 50 times at random gets every event of a turn once and in order', async () => {
  const { cluster, session } = shared();
  const { sessionId } = session();
  const { url } = await startGateway(cluster);
  const words = Array.from({ length: 400 }, (_, at) => `w${at}`).join(' ');
  const turn = `${url}/v1/sessions/${sessionId}/turns`;
  await post(turn, { prompt: `[[stream chunks=400 every=10ms]] ${words}`, turnId: 't' });
  const events: Received[] = [];
  let cuts = 0;
  // A hundredth of the whole on average, so that cuts fall before the first event and within events too.
  for (let ended = false; !ended; cuts += ended ? 0 : 1) {
    const bytes = cuts < 50 ? 1 + Math.floor(Math.random() * 1_400) : Number.POSITIVE_INFINITY;
    ended = await readSome(`${turn}/t/events`, events.at(-1)?.id, bytes, events);
  }
  expect(cuts).toBe(50);
  expect(events.map(numberOf)).toEqual(events.map((_, at) => at + 1));
  expect(events.map(({ data }) => (data['type'] === 'text.delta' ? String(data['text']) : '')).join('')).toBe(
    `Echo: ${words}`,
  );
  expect(events.at(-1)?.type).toBe('turn.finished');
  expect((await fetch(`${turn}/t/events`, { headers: { 'last-event-id': events.at(-1)?.id ?? '' } })).status).toBe(204);
});

test('a client that leaves a stream, or a wait, does not stop its turn', async () => {
  const { cluster, session } = shared();
  const { sessionId } = session();
  const { url, log } = await startGateway(cluster);
  const turns = `${url}/v1/sessions/${sessionId}/turns`;
  const words = Array.from({ length: 40 }, (_, at) => `w${at}`).join(' ');
  const leaving = new AbortController();
  const left = fetch(`${turns}?wait=60`, {
    method: 'POST',
    signal: leaving.signal,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: `[[stream chunks=80 every=50ms]] ${words}`, turnId: 'left' }),
  });
  const events: Received[] = [];
  await eventually(async () => (await fetch(`${turns}/left`)).status === 200);
  await readSome(`${turns}/left/events`, undefined, 400, events);
  leaving.abort();
  await expect(left).rejects.toThrow();
  await eventually(() => log.some((line) => line.includes('"left":true')));
  const again = await post(`${turns}?wait=30`, { prompt: 'hello', turnId: 'left' });
  expect(await again.json()).toMatchObject({ status: 'finished', text: `Echo: ${words}` });
  expect(log.join('')).not.toContain('"level":"error"');
});

test('a stream of a session that is not open yet can be left and resumed from its first cursor', async () => {
  const { cluster } = shared();
  const { url } = await startGateway(cluster, { heartbeatMs: 20 });
  const comments: string[] = [];
  const place = await fetch(`${url}/v1/sessions/unopened/events`);
  const head = await place.body?.getReader().read();
  const [, id] = /^id: (\S+)$/m.exec(new TextDecoder().decode(head?.value)) ?? [];
  expect(id).toBe('.0');
  await (await post(`${url}/v1/sessions/unopened/turns?wait=30`, { prompt: 'hello' })).json();
  const events: Received[] = [];
  const back = await fetch(`${url}/v1/sessions/unopened/events`, { headers: { 'last-event-id': id ?? '' } });
  for await (const event of receive(back, (comment) => comments.push(comment))) {
    events.push(event);
    if (event.type === 'turn.finished') break;
  }
  expect(events.map(numberOf)).toEqual(events.map((_, at) => at + 1));
});

test('a silent stream sends comments', async () => {
  const { cluster, session } = shared();
  const { sessionId } = session();
  const { url } = await startGateway(cluster, { heartbeatMs: 20 });
  const stream = await fetch(`${url}/v1/sessions/${sessionId}/events`);
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of stream.body ?? []) {
    text += decoder.decode(bytes as Uint8Array);
    if (text.split(': still here').length > 3) break;
  }
  expect(stream.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  expect(stream.headers.get('cache-control')).toBe('no-store, no-transform');
});

test('a stream reports trimmed events once, then goes on live', async () => {
  const { cluster, session } = shared();
  const { sessionId } = session();
  const { url } = await startGateway(cluster);
  await (await post(`${url}/v1/sessions/${sessionId}/turns?wait=30`, { prompt: 'one' })).json();
  const { events: stream } = cluster.keys.session(sessionId);
  await cluster.redis.xtrim(stream, 'MAXLEN', 0);
  const incarnation = await cluster.store.incarnation(sessionId);
  const response = await fetch(`${url}/v1/sessions/${sessionId}/events?after=${incarnation}.1`);
  const types: (string | undefined)[] = [];
  for await (const { type } of receive(response)) {
    types.push(type);
    if (types.length === 1) await post(`${url}/v1/sessions/${sessionId}/turns`, { prompt: 'two' });
    if (type === 'turn.finished') break;
  }
  expect(types.slice(0, 3)).toEqual(['stream.expired', 'turn.queued', 'turn.started']);
  expect(types.filter((type) => type === 'stream.expired')).toHaveLength(1);
});

test('a HEAD request of a stream subscribes to nothing', async () => {
  const { cluster, session } = shared();
  const { sessionId } = session();
  const producer = cluster.producer();
  await (await producer.session(sessionId).prompt('hello', { turnId: 't' })).result();
  await producer.close();
  const listeners = async () => (await cluster.redis.pubsub('NUMSUB', cluster.keys.session(sessionId).channel))[1];
  await expect.poll(listeners).toBe(0);
  const { url } = await startGateway(cluster);
  for (const path of ['events', 'turns/t/events']) {
    const { headers } = await fetch(`${url}/v1/sessions/${sessionId}/${path}`, { method: 'HEAD' });
    expect(headers.get('content-type')).toMatch(/event-stream/);
  }
  expect(await listeners()).toBe(0);
});

test('a reader with the last event of a turn gets 204, and one without it the record, after the events are trimmed', async () => {
  const { cluster, session } = shared();
  const { sessionId } = session();
  const { url } = await startGateway(cluster);
  const turns = `${url}/v1/sessions/${sessionId}/turns`;
  const events: Received[] = [];
  await post(turns, { prompt: 'one', turnId: 'one' });
  await readSome(`${turns}/one/events`, undefined, Number.POSITIVE_INFINITY, events);
  await (await post(`${turns}?wait=30`, { prompt: 'two' })).json();
  const got: (string | undefined)[] = [];
  const back = async (after: string | undefined) => {
    const response = await fetch(`${turns}/one/events?after=${after}`);
    const types: (string | undefined)[] = [];
    for await (const { type, id } of receive(response)) {
      types.push(type);
      got.push(id);
    }
    return { status: response.status, types };
  };
  const [last, before] = [events.at(-1)?.id, events.at(-2)?.id];
  const { events: stream } = cluster.keys.session(sessionId);
  expect(await back(last)).toEqual({ status: 204, types: [] });
  expect(await back(before)).toEqual({ status: 200, types: ['turn.finished'] });
  await cluster.redis.xtrim(stream, 'MAXLEN', 0);
  expect(await back(last)).toEqual({ status: 204, types: [] });
  const record = { status: 200, types: ['stream.expired', 'message', 'turn.finished'] };
  expect(await back(before)).toEqual(record);
  // A client that was cut before the last event gets the message again.
  expect(await back(got.at(-2))).toEqual(record);
});

test('a stream and a wait end with the minted token, or its sign-in, that opened them', async () => {
  await withCluster(async (cluster) => {
    const { url } = await startGateway(cluster, { tokens: allTokens });
    const minted = await post(
      `${url}/v1/tokens`,
      { sessionId: 's', scope: 'prompt', expiresIn: 5_000 },
      bearer(testTokens.admin),
    );
    const { token } = (await minted.json()) as { token: string };
    const signedIn = await post(`${url}/login`, { token });
    const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? '';
    const streams = [bearer({ token }), { cookie }].map((headers) => fetch(`${url}/v1/sessions/s/events`, { headers }));
    const waiting = post(`${url}/v1/sessions/s/turns?wait=60`, { prompt: 'hello' }, bearer({ token }));
    for (const stream of await Promise.all(streams)) {
      expect(stream.status).toBe(200);
      expect(await stream.text()).toMatch(/: come back\n\n$/);
    }
    expect((await waiting).status).toBe(202);
    expect((await fetch(`${url}/v1/sessions/s/events`, { headers: { cookie } })).status).toBe(401);
  });
});

test('a wait ends in its time while garbage is collected', async () => {
  const { sessionId } = shared().session();
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const { cluster } = shared();
  const { url } = await startGateway(cluster);
  let status: number | undefined;
  void post(`${url}/v1/sessions/${sessionId}/turns?wait=2`, { prompt: '[[hang]]' }).then((answer) => {
    status = answer.status;
  });
  await eventually(() => {
    collect();
    return status;
  });
  expect(status).toBe(202);
});

test('a gateway that stops ends its streams, and another one goes on with them', async () => {
  const { cluster, session } = shared();
  const { sessionId } = session();
  const [first, second] = [await startGateway(cluster), await startGateway(cluster)];
  const turns = `/v1/sessions/${sessionId}/turns`;
  const streamed = await post(
    first.url + turns,
    { prompt: `[[stream chunks=40 every=50ms]] ${'hello '.repeat(40)}`, turnId: 't' },
    { accept: 'text/event-stream' },
  );
  const waiting = post(`${first.url}${turns}?wait=60`, { prompt: 'next', turnId: 'next' });
  await eventually(async () => (await fetch(`${second.url}${turns}/next`)).status === 200);
  const events: Received[] = [];
  const comments: string[] = [];
  let stopped: Promise<void> | undefined;
  for await (const event of receive(streamed, (comment) => comments.push(comment.trim()))) {
    events.push(event);
    if (event.type === 'text.delta' && stopped === undefined) stopped = first.stop();
  }
  await stopped;
  expect(comments.at(-1)).toBe('come back');
  expect((await waiting).status).toBe(202);
  await expect(fetch(`${first.url}/healthz`)).rejects.toThrow();
  await readSome(`${second.url}${turns}/t/events`, events.at(-1)?.id, Number.POSITIVE_INFINITY, events);
  const whole: Received[] = [];
  await readSome(`${second.url}${turns}/t/events`, undefined, Number.POSITIVE_INFINITY, whole);
  expect(events).toEqual(whole);
  expect(events.at(-1)?.type).toBe('turn.finished');
});
