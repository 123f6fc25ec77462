import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { startGateway } from '../support/gateway.js';
import { json, problem, type Sent, send, turn } from '../support/raw-request.js';

test('any session id passes through a path whole, and none leads to another route', async () => {
  await withCluster(async (cluster) => {
    const gateway = await startGateway(cluster);
    const ids = [
      'a/b',
      '../../etc/passwd',
      '..',
      '.',
      '%2e%2e',
      '%',
      'a?b#c',
      'a;b=c',
      'a\\b',
      '//',
      '/',
      'turns',
      'ünï',
      '😀'.repeat(200),
      '"\'<>&',
      '__proto__',
      'a+b',
      'A',
      'a',
    ];
    for (const id of ids) {
      const path = `/v1/sessions/${encodeURIComponent(id).replaceAll('.', '%2E')}`;
      const accepted = await send(gateway, `${path}/turns`, turn({}, { prompt: 'x', turnId: id }));
      expect(accepted).toMatchObject({ status: 202, body: { sessionId: id, turnId: id, seq: 1, position: 0 } });
      expect((await send(gateway, path)).body).toMatchObject({ sessionId: id, waiting: 1 });
      expect((await send(gateway, `${path}/turns/${encodeURIComponent(id)}`)).body).toMatchObject({ turnId: id });
    }
    const { sessions } = (await send(gateway, '/v1/sessions?limit=500')).body as { sessions: { sessionId: string }[] };
    expect(sessions.map(({ sessionId }) => sessionId).sort()).toEqual(ids.toSorted());
    for (const path of ['%', '%ZZ', '%C0%AF', '%E0%A4%A', 'a%'])
      expect(await send(gateway, `/v1/sessions/${path}`)).toMatchObject(problem(400, 'invalid_request'));
    for (const path of ['%00', '%0a', 'a%20b', '%E2%80%8B', 'x'.repeat(201)])
      expect(await send(gateway, `/v1/sessions/${path}`)).toMatchObject(
        problem(400, 'invalid_session_id', { field: 'sessionId' }),
      );
    for (const path of [
      '/v1/sessions/../workers',
      '/v1/sessions//turns',
      '/v1/sessions/',
      '/V1/sessions',
      '/v1/sessions/a/turns/',
      '//v1/workers',
      '/..%2f..%2fetc/passwd',
    ])
      expect(await send(gateway, path)).toMatchObject(problem(404, 'not_found'));
    expect(await send(gateway, '/v1/sessions/', { method: 'DELETE' })).toMatchObject(problem(404, 'not_found'));
  });
});

test('malformed requests are refused with the reason; answers carry the security headers', async () => {
  await withCluster(async (cluster) => {
    const gateway = await startGateway(cluster);
    const turns = '/v1/sessions/s/turns';
    const raw = (body: string, headers: Record<string, string> = {}): Sent => ({
      method: 'POST',
      headers: { ...json, ...headers },
      body,
    });
    for (const body of ['{', '{"prompt":"x"', 'x', '\u0000'])
      expect(await send(gateway, turns, raw(body))).toMatchObject(problem(400, 'invalid_request', { field: 'body' }));
    for (const body of ['null', '[]', '"x"', '7']) expect((await send(gateway, turns, raw(body))).status).toBe(400);
    expect(await send(gateway, turns, { method: 'POST' })).toMatchObject(
      problem(400, 'invalid_request', { field: 'body' }),
    );
    expect(await send(gateway, turns, raw('{"prompt":"x","delay":-1}'))).toMatchObject(
      problem(400, 'invalid_request', { field: 'delay' }),
    );
    expect(await send(gateway, turns, raw('{"prompt":[{"type":"text"}]}'))).toMatchObject(
      problem(400, 'invalid_prompt', { field: expect.stringMatching(/^prompt/) }),
    );
    for (const levels of [101, 3_000, 1_000_000]) {
      const nested = `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
      expect(await send(gateway, turns, raw(`{"prompt":"x","metadata":${nested}}`))).toMatchObject(
        problem(400, 'invalid_metadata', { field: 'metadata' }),
      );
      expect(await send(gateway, turns, raw(`{"prompt":[${nested}]}`))).toMatchObject(
        problem(400, 'invalid_prompt', { field: expect.stringMatching(/^prompt/) }),
      );
      const answer = raw(`{"decision":"allow","input":${nested}}`);
      expect(await send(gateway, '/v1/sessions/s/permissions/r', answer)).toMatchObject(
        problem(400, 'invalid_answer', { field: 'input' }),
      );
    }
    expect(await send(gateway, `${turns}?wait=x`, raw('{"prompt":"x"}'))).toMatchObject(
      problem(400, 'invalid_request', { field: 'wait' }),
    );
    expect(await send(gateway, `${turns}?wait=1&wait=2`, raw('{"prompt":"x"}'))).toMatchObject(
      problem(400, 'invalid_request', { field: 'wait' }),
    );
    expect(await send(gateway, '/v1/sessions/s/events?after=x')).toMatchObject(
      problem(400, 'invalid_request', { field: 'after' }),
    );
    expect(await send(gateway, turns, raw('{"prompt":"x"}', { 'content-encoding': 'rot13' }))).toMatchObject(
      problem(415, 'unsupported_media_type'),
    );
    expect(await send(gateway, turns, raw(`{"prompt":"${'x'.repeat(26 * 1024 * 1024)}"}`))).toMatchObject(
      problem(413, 'request_too_large'),
    );
    expect(await send(gateway, turns, { method: 'PATCH' })).toMatchObject({
      ...problem(405, 'method_not_allowed'),
      headers: { allow: 'GET, HEAD, OPTIONS, POST' },
    });

    const known = await send(gateway, '/healthz', { headers: { 'x-request-id': 'mine-1' } });
    expect(known.headers).toMatchObject({
      'x-request-id': 'mine-1',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'content-security-policy': expect.stringMatching(/default-src 'none';script-src 'self'/),
    });
    expect(known.headers['x-powered-by']).toBeUndefined();
    // A stream without a body has nothing to wait for.
    expect((await send(gateway, '/v1/sessions/s/events', { method: 'HEAD' })).headers['content-type']).toMatch(
      /event-stream/,
    );
    const odd = await send(gateway, '/nothing', { headers: { 'x-request-id': 'a b' } });
    expect(odd.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(odd.body['requestId']).toBe(odd.headers['x-request-id']);
    const page = String((await send(gateway, '/docs')).body['text']);
    // Readable without access to another machine.
    expect(page.match(/(?:src|href)="(?!#|\/)[^"]*"/g)).toBeNull();
    expect(page).not.toMatch(/<script|style="/);
    expect(page).toContain('id="backlog_full"');
  });
});
