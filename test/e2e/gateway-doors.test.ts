import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { allTokens, bearer, startGateway, testTokens } from '../support/gateway.js';
import { problem, send, turn } from '../support/raw-request.js';

const { admin, prompt, read, confined } = testTokens;

test('missing, wrong, weak, confined and expired tokens are refused', async () => {
  await withCluster(async (cluster) => {
    const gateway = await startGateway(cluster, { tokens: allTokens });
    const unauthenticated = problem(401, 'unauthenticated', { field: 'authorization' });
    for (const authorization of [
      'Bearer',
      'Bearer ',
      `Basic ${admin.token}`,
      admin.token,
      'Bearer unknown',
      `Bearer ${admin.token}x`,
      `Bearer ${admin.token.toUpperCase()}`,
      'Bearer hearth_e30.AAAA',
    ])
      expect(await send(gateway, '/v1/sessions', { headers: { authorization } })).toMatchObject(unauthenticated);
    const without = await send(gateway, '/v1/sessions');
    expect(without).toMatchObject(unauthenticated);
    expect(without.headers['www-authenticate']).toBe('Bearer realm="hearth"');
    // A body is not read before its sender is known, nor a token from an address.
    expect(await send(gateway, '/v1/sessions/s/turns', turn({}))).toMatchObject(unauthenticated);
    expect(await send(gateway, `/v1/sessions?token=${admin.token}`)).toMatchObject(unauthenticated);
    expect(await send(gateway, '/v1/sessions/s/turns', turn(bearer(read)))).toMatchObject(problem(403, 'forbidden'));
    expect(await send(gateway, '/v1/sessions/s', { method: 'DELETE', headers: bearer(prompt) })).toMatchObject(
      problem(403, 'forbidden'),
    );
    expect(await send(gateway, '/v1/tokens', turn(bearer(prompt), { sessionId: 's', scope: 'read' }))).toMatchObject(
      problem(403, 'forbidden'),
    );

    for (const id of ['team-a%2F1', 'team-b%2F1'])
      await send(gateway, `/v1/sessions/${id}/turns`, turn(bearer(prompt)));
    expect((await send(gateway, '/v1/sessions/team-a%2F1', { headers: bearer(confined) })).status).toBe(200);
    const foreign = problem(403, 'forbidden', { field: 'sessionId' });
    for (const path of ['team-b%2F1', 'team-b%2F1/events', 'team-a', 'team-a%5C1', 'x%2Fteam-a%2F1'])
      expect(await send(gateway, `/v1/sessions/${path}`, { headers: bearer(confined) })).toMatchObject(foreign);
    expect(await send(gateway, '/v1/workers', { headers: bearer(confined) })).toMatchObject(problem(403, 'forbidden'));
    const seen = async (query: string): Promise<unknown[]> =>
      (
        (await send(gateway, `/v1/sessions${query}`, { headers: bearer(confined) })).body['sessions'] as {
          sessionId: string;
        }[]
      ).map(({ sessionId }) => sessionId);
    for (const query of ['', '?prefix=team', '?prefix=team-a%2F1']) expect(await seen(query)).toEqual(['team-a/1']);
    expect(await seen('?prefix=team-b')).toEqual([]);
    expect(
      (await send(gateway, '/v1/sessions?prefix=team-b', { method: 'DELETE', headers: bearer(confined) })).body,
    ).toEqual({ closed: [], failed: [], passedOver: [] });
  });
});

test('a minted token is valid for its session and its scope, until it expires', async () => {
  await withCluster(async (cluster) => {
    const [gateway, other] = [
      await startGateway(cluster, { tokens: allTokens }),
      await startGateway(cluster, { tokens: allTokens.toReversed() }),
    ];
    const mint = (by: { token: string }, sessionId: string, expiresIn = 60_000) =>
      send(gateway, '/v1/tokens', turn(bearer(by), { sessionId, scope: 'prompt', expiresIn }));
    await send(gateway, '/v1/sessions/team-b%2F1/turns', turn(bearer(prompt)));
    const { status, body } = await mint(admin, 'team-a/1');
    expect({ status, body }).toMatchObject({
      status: 201,
      body: { sessionId: 'team-a/1', scope: 'prompt', expiresAt: expect.any(Number) },
    });
    const minted = bearer({ token: String(body['token']) });
    // Another gateway with the same tokens accepts it, too.
    expect((await send(other, '/v1/sessions/team-a%2F1/turns', turn(minted))).status).toBe(202);
    expect((await send(other, '/v1/sessions/team-a%2F1/turns?limit=1', { headers: minted })).status).toBe(200);
    for (const path of ['/v1/sessions/team-a%2F10', '/v1/sessions/team-b%2F1', '/v1/workers'])
      expect(await send(other, path, { headers: minted })).toMatchObject(problem(403, 'forbidden'));
    expect((await send(other, '/v1/sessions', { headers: minted })).body).toMatchObject({
      sessions: [{ sessionId: 'team-a/1' }],
    });
    expect(await send(other, '/v1/sessions/team-a%2F1', { method: 'DELETE', headers: minted })).toMatchObject(
      problem(403, 'forbidden'),
    );
    expect(await send(other, '/v1/tokens', turn(minted, { sessionId: 'team-a/1', scope: 'read' }))).toMatchObject(
      problem(403, 'forbidden'),
    );
    expect(await mint(confined, 'team-b/1')).toMatchObject(problem(403, 'forbidden'));
    expect(await send(gateway, '/v1/tokens', turn(bearer(admin), { sessionId: 's', scope: 'admin' }))).toMatchObject(
      problem(400, 'invalid_request', { field: 'scope' }),
    );
    const [claims = '', signature] = String(body['token']).slice('hearth_'.length).split('.');
    const wider = Buffer.from(Buffer.from(claims, 'base64url').toString().replace('team-a/1', 'team-b/1')).toString(
      'base64url',
    );
    expect(
      await send(gateway, '/v1/sessions/team-b%2F1', { headers: bearer({ token: `hearth_${wider}.${signature}` }) }),
    ).toMatchObject(problem(401, 'unauthenticated'));
  });
});

test('a token that was minted for a session lists that session alone, and none whose id begins alike', async () => {
  await withCluster(async (cluster) => {
    const gateway = await startGateway(cluster, { tokens: allTokens });
    for (const id of ['u1', 'u10']) await send(gateway, `/v1/sessions/${id}/turns`, turn(bearer(prompt)));
    const mint = async (sessionId: string) => {
      const { body } = await send(gateway, '/v1/tokens', turn(bearer(admin), { sessionId, scope: 'read' }));
      return bearer({ token: String(body['token']) });
    };
    const minted = await mint('u1');
    const list = async (query: string, headers = minted) =>
      (await send(gateway, `/v1/sessions${query}`, { headers })).body;
    const only = { sessions: [expect.objectContaining({ sessionId: 'u1' })] };
    for (const query of ['', '?limit=1', '?prefix=u', '?prefix=u1', '?state=waiting', '?profile=default'])
      expect(await list(query)).toEqual(only);
    for (const query of ['?prefix=u10', '?prefix=v', '?state=idle', '?profile=another', '?owner=w', '?after=9'])
      expect(await list(query)).toEqual({ sessions: [] });
    expect(await list('', await mint('unknown'))).toEqual({ sessions: [] });
  });
});

test('a browser signs in with a token, reads by its cookie, and writes only with the value its own pages know', async () => {
  await withCluster(async (cluster) => {
    const gateway = await startGateway(cluster, { tokens: allTokens, trustProxy: 1 });
    const own = { origin: gateway.url };
    expect(await send(gateway, '/login', turn(own, { token: 'an unknown token' }))).toMatchObject(
      problem(401, 'unauthenticated'),
    );
    expect(
      await send(gateway, '/login', turn({ origin: 'https://elsewhere.example' }, { token: admin.token })),
    ).toMatchObject(problem(403, 'cross_origin'));
    const signedIn = await send(gateway, '/login', turn(own, { token: prompt.token }));
    const [setCookie = ''] = signedIn.headers['set-cookie'] ?? [];
    expect(setCookie).toMatch(/^hearth=[\w.-]+; Max-Age=43200; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Strict$/);
    expect(setCookie).not.toContain(prompt.token);
    const cookie = setCookie.split(';')[0] ?? '';
    const me = await send(gateway, '/v1/me', { headers: { cookie } });
    expect(me.body).toMatchObject({ authentication: true, scope: 'prompt', csrfToken: expect.any(String) });
    const csrf = { cookie, 'x-csrf-token': String(me.body['csrfToken']) };
    const turns = '/v1/sessions/s/turns';
    expect((await send(gateway, turns, turn({ ...own, ...csrf }))).status).toBe(202);
    expect((await send(gateway, turns, { headers: { cookie } })).status).toBe(200);
    const refused = problem(403, 'csrf_refused', { field: 'x-csrf-token' });
    expect(await send(gateway, turns, turn({ ...own, cookie }))).toMatchObject(refused);
    expect(await send(gateway, turns, turn({ ...own, cookie, 'x-csrf-token': 'guess' }))).toMatchObject(refused);
    const again = await send(gateway, '/login', turn(own, { token: read.token }));
    expect(
      await send(gateway, turns, turn({ ...own, cookie, 'x-csrf-token': String(again.body['csrfToken']) })),
    ).toMatchObject(refused);
    for (const foreign of [
      { origin: 'https://elsewhere.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ])
      expect(await send(gateway, turns, turn({ ...foreign, ...csrf }))).toMatchObject(problem(403, 'cross_origin'));
    expect(
      await send(gateway, turns, {
        ...turn({ ...own, ...csrf }),
        headers: { ...own, ...csrf, 'content-type': 'text/plain' },
      }),
    ).toMatchObject(problem(415, 'unsupported_media_type'));
    expect(await send(gateway, '/v1/sessions', { headers: { cookie: `${cookie}x` } })).toMatchObject(
      problem(401, 'unauthenticated'),
    );
    // Behind TLS the cookie is secure.
    const secure = await send(gateway, '/login', turn({ 'x-forwarded-proto': 'https' }, { token: prompt.token }));
    expect(secure.headers['set-cookie']?.[0]).toMatch(/^__Host-hearth=.*; Secure; SameSite=Strict$/);
    expect(
      (await send(gateway, '/logout', { method: 'POST', headers: { ...own, cookie } })).headers['set-cookie']?.[0],
    ).toMatch(/^hearth=; Path=\/; Expires=Thu, 01 Jan 1970/);
  });
});

test('without tokens only loopback is served, and no page of another site writes', async () => {
  await withCluster(async (cluster) => {
    const gateway = await startGateway(cluster, { corsOrigins: ['https://app.example'] });
    expect((await send(gateway, '/v1/me')).body).toEqual({ authentication: false, name: 'anybody', scope: 'admin' });
    for (const host of ['localhost', '127.0.0.1:80', '[::1]:8080', 'hearth.localhost'])
      expect((await send(gateway, '/v1/sessions', { headers: { host } })).status).toBe(200);
    for (const host of [
      'elsewhere.example',
      '127.0.0.1.elsewhere.example',
      'localhost.elsewhere.example',
      '192.168.0.1',
      '0.0.0.0',
      'a b',
    ])
      expect(await send(gateway, '/v1/sessions', { headers: { host } })).toMatchObject(
        problem(403, 'cross_origin', { field: 'host' }),
      );
    expect(
      await send(gateway, '/v1/sessions', { headers: { host: 'elsewhere.example', 'x-forwarded-host': 'localhost' } }),
    ).toMatchObject(problem(403, 'cross_origin'));
    const turns = '/v1/sessions/s/turns';
    for (const foreign of [
      { origin: 'https://elsewhere.example' },
      { origin: 'http://localhost:1' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
    ])
      expect(await send(gateway, turns, turn(foreign))).toMatchObject(problem(403, 'cross_origin'));
    expect(
      await send(gateway, turns, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{"prompt":"x"}' }),
    ).toMatchObject(problem(415, 'unsupported_media_type'));
    expect((await send(gateway, turns, turn({ origin: gateway.url, 'sec-fetch-site': 'same-origin' }))).status).toBe(
      202,
    );
    expect(
      (await send(gateway, turns, turn({ origin: 'https://app.example', 'sec-fetch-site': 'cross-site' }))).status,
    ).toBe(202);
  });
});

test('pages of configured origins may call with a token; others get nothing', async () => {
  await withCluster(async (cluster) => {
    const gateway = await startGateway(cluster, { tokens: allTokens, corsOrigins: ['https://app.example'] });
    const preflight = (origin: string) =>
      send(gateway, '/v1/sessions/s/turns', {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type',
        },
      });
    const allowed = await preflight('https://app.example');
    expect(allowed).toMatchObject({
      status: 204,
      headers: {
        'access-control-allow-origin': 'https://app.example',
        vary: expect.stringContaining('Origin'),
        allow: 'GET, HEAD, OPTIONS, POST',
      },
    });
    expect(allowed.headers['access-control-allow-headers']).toContain('authorization');
    expect(allowed.headers['access-control-allow-credentials']).toBeUndefined();
    expect((await preflight('https://elsewhere.example')).headers['access-control-allow-origin']).toBeUndefined();
    const asked = await send(
      gateway,
      '/v1/sessions/s/turns',
      turn({ origin: 'https://app.example', ...bearer(prompt) }),
    );
    expect(asked).toMatchObject({ status: 202, headers: { 'access-control-allow-origin': 'https://app.example' } });
  });
});
