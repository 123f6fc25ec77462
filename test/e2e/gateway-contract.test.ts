import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { Contract } from '../support/contract.js';
import { eventually } from '../support/facts.js';
import { allTokens, bearer, startGateway, testTokens } from '../support/gateway.js';
import { refuseEverywhere, requests, type World } from '../support/refusals.js';
import { toldRedis } from '../support/told-redis.js';

const { admin, prompt, read, confined } = testTokens;

test('the document is valid; every route and every error in it happens, and matches it', async () => {
  await withCluster(async (cluster) => {
    const [gateway, small, lost, old, evicting] = await Promise.all([
      startGateway(cluster, { tokens: allTokens }),
      startGateway(cluster, { tokens: allTokens, bodyMaxBytes: 2_000, backlogLimit: 2 }),
      startGateway(cluster, { tokens: allTokens, redisUrl: 'redis://127.0.0.1:1' }),
      toldRedis({ version: '6.2.14', policy: 'noeviction' }).then((redisUrl) =>
        startGateway(cluster, { tokens: allTokens, redisUrl }),
      ),
      toldRedis({ version: '7.2.0', policy: 'allkeys-lru' }).then((redisUrl) =>
        startGateway(cluster, { tokens: allTokens, redisUrl }),
      ),
    ]);
    const contract = await Contract.of(gateway.url);
    const world: World = {
      cluster,
      gateway,
      small,
      lost,
      old,
      evicting,
      contract,
      ask: (id, call) => contract.call(gateway.url, id, { ...call, headers: { ...bearer(admin), ...call?.headers } }),
    };
    expect(Object.keys(requests).sort()).toEqual(contract.all.map(({ id }) => id).sort());
    await refuseEverywhere(world);
    expect(await world.ask('readiness')).toMatchObject({ status: 503, body: { code: 'not_ready' } });
    await cluster.worker({ claude: 'fake', leaseTtlMs: 30_000, profiles: { default: { spares: 2 } } });
    await turns(world);
    await agents(world);
    await permissions(world);
    await suspended(world);
    await others(world);
    await warmFailures(world);
    expect(contract.unseen()).toEqual([]);
    const log = gateway.log.join('');
    // Its descriptions name the subject of each request.
    expect(log).toContain('"turnId":"hangs"');
    for (const { token } of allTokens) expect(log).not.toContain(token);
    expect(log).not.toContain('hello');
  });
}, 180_000);

const ended = (type: string | undefined): boolean => type === 'turn.finished' || type === 'turn.failed';

async function turns({ ask, contract, small, gateway }: World): Promise<void> {
  const params = { sessionId: 's' };
  const turn = { sessionId: 's', turnId: 'one' };
  expect(
    (await ask('submitTurn', { params, body: { prompt: 'hello', turnId: 'one', metadata: { who: 'me' } } })).body,
  ).toEqual({ ...turn, seq: 1, position: 0 });
  const waited = await ask('submitTurn', {
    params,
    query: { wait: '30' },
    body: { prompt: 'other words' },
    headers: { 'idempotency-key': 'one' },
  });
  expect(waited).toMatchObject({
    status: 200,
    body: { status: 'finished', text: 'Echo: hello', metadata: { who: 'me' } },
  });
  expect((await ask('readTurn', { params: turn })).body).toMatchObject({
    state: 'finished',
    request: { prompt: 'hello' },
  });
  const streamed = await ask('submitTurn', {
    params,
    body: { prompt: '[[error 400]] no' },
    headers: { accept: 'text/event-stream' },
  });
  expect(streamed.events.at(-1)).toMatchObject({ type: 'turn.failed', data: { error: { code: 'prompt_refused' } } });
  const failed = await ask('submitTurn', { params, query: { wait: '30' }, body: { prompt: '[[error 400]] no' } });
  expect(failed).toMatchObject({ status: 200, body: { status: 'failed', error: { code: 'prompt_refused' } } });
  const followed = await ask('streamTurn', { params: turn });
  expect(followed.events.map(({ id, data }) => id === data['id'])).not.toContain(false);
  const [, second] = followed.events;
  const again = await ask('streamTurn', { params: turn, headers: { 'last-event-id': second?.id ?? '' } });
  expect(again.events).toEqual(followed.events.slice(2));
  expect((await ask('streamTurn', { params: turn, query: { after: followed.events.at(-1)?.id ?? '' } })).status).toBe(
    204,
  );
  const whole = await ask('streamSession', {
    params,
    query: { after: '.0' },
    until: ({ data }) => data['seq'] === 3 && ended(String(data['type'])),
  });
  expect(whole.events.map(({ id }) => Number(id?.split('.')[1]))).toEqual(whole.events.map((_, at) => at + 1));
  const page = await ask('listTurns', { params, query: { limit: '2' } });
  expect(page.body).toMatchObject({ turns: [{ seq: 2 }, { seq: 3 }], before: 2 });
  expect((await ask('listTurns', { params, query: { before: '2' } })).body).toEqual({
    turns: [expect.objectContaining({ seq: 1 })],
  });
  expect(
    (await ask('submitTurn', { params, query: { wait: '0' }, body: { prompt: 'later', delay: 60_000 } })).body,
  ).toEqual({ sessionId: 's', turnId: expect.any(String) });

  for (const id of ['readTurn', 'cancelTurn', 'streamTurn']) {
    expect((await ask(id, { params: { ...params, turnId: 'unknown' } })).body).toMatchObject({ code: 'turn_gone' });
  }
  expect((await ask('submitTurn', { params, body: { prompt: 'x', profile: 'another' } })).body).toMatchObject({
    code: 'profile_mismatch',
    expected: 'default',
  });
  expect((await ask('submitTurn', { params, body: { prompt: 'x'.repeat(1_100_000) } })).body).toMatchObject({
    code: 'prompt_too_large',
  });
  expect((await ask('submitTurn', { params, body: { prompt: '[[hang]]', turnId: 'hangs' } })).status).toBe(202);
  await eventually(
    async () => (await ask('readTurn', { params: { ...params, turnId: 'hangs' } })).body['state'] === 'running',
  );
  expect(
    (await ask('submitTurn', { params, query: { wait: '0.05' }, body: { prompt: 'waits', turnId: 'waits' } })).body,
  ).toMatchObject({ seq: 5, position: 1 });
  expect((await ask('submitTurn', { params, body: { prompt: 'x', onBusy: 'reject' } })).body).toMatchObject({
    code: 'session_busy',
  });
  const over = await contract.call(small.url, 'submitTurn', { params, body: { prompt: 'x' }, headers: bearer(prompt) });
  expect(over).toMatchObject({ status: 429, body: { code: 'backlog_full' } });
  expect((await ask('cancelTurn', { params: { ...params, turnId: 'hangs' } })).body).toMatchObject({
    code: 'turn_running',
  });
  expect((await ask('cancelTurn', { params: { ...params, turnId: 'waits' } })).body).toMatchObject({ cancelled: true });
  expect((await ask('cancelTurn', { params: { ...params, turnId: 'one' } })).body).toMatchObject({
    code: 'turn_ended',
  });
  expect(gateway.log.join('')).not.toContain('other words');
}

async function agents({ ask }: World): Promise<void> {
  const params = { sessionId: 's' };
  expect((await ask('interrupt', { params, body: { turnId: 'hangs' } })).body).toMatchObject({
    kind: 'interrupted',
    result: { seq: 4, error: { code: 'interrupted' } },
  });
  expect((await ask('interrupt', { params })).body).toEqual({ kind: 'idle' });
  expect((await ask('interrupt', { params, body: { turnId: 'unknown' } })).body).toMatchObject({ code: 'turn_gone' });
  expect((await ask('warm', { params })).body).toMatchObject({ warmth: 'hot', pid: expect.any(Number) });
  expect((await ask('warm', { params, body: { profile: 'another' } })).body).toMatchObject({
    code: 'profile_mismatch',
  });
  const transcript = await ask('readTranscript', { params });
  expect(
    transcript.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object).length,
  ).toBeGreaterThan(1);
  expect((await ask('readTranscript', { params, query: { file: 'nothing' } })).body).toMatchObject({
    code: 'not_found',
    expected: 'main',
  });
  for (const id of ['listTurns', 'readTranscript', 'listPermissions', 'readSession', 'closeSession']) {
    expect((await ask(id, { params: { sessionId: 'unknown' } })).body).toMatchObject({ code: 'session_gone' });
  }
}

async function permissions({ ask }: World): Promise<void> {
  const params = { sessionId: 's' };
  const asked = await ask('submitTurn', {
    params,
    body: { prompt: '[[tool Bash {"command":"touch made"}]] go', turnId: 'asks' },
    headers: { accept: 'text/event-stream' },
    until: ({ type }) => type === 'permission.requested',
  });
  const requestId = String(asked.events.at(-1)?.data['requestId']);
  expect((await ask('listPermissions', { params })).body).toMatchObject({ permissions: [{ requestId, name: 'Bash' }] });
  const answer = { params: { ...params, requestId }, body: { decision: 'deny', message: 'no' } };
  expect((await ask('answerPermission', answer)).body).toEqual({ sessionId: 's', requestId, decision: 'deny' });
  expect((await ask('answerPermission', answer)).body).toMatchObject({ code: 'already_resolved' });
  expect(
    (await ask('answerPermission', { ...answer, params: { ...params, requestId: 'nothing' } })).body,
  ).toMatchObject({ code: 'request_gone' });
  await ask('streamTurn', { params: { ...params, turnId: 'asks' } });
}

/** While the only worker is frozen. */
async function suspended({ ask, cluster }: World): Promise<void> {
  const params = { sessionId: 's' };
  const running = await ask('submitTurn', {
    params,
    body: { prompt: '[[hang]]' },
    headers: { accept: 'text/event-stream' },
    until: ({ type }) => type === 'turn.started',
  });
  expect(running.status).toBe(200);
  const [worker] = cluster.workers;
  worker?.signal('SIGSTOP');
  const unreachable = { status: 504, body: { code: 'owner_unreachable' } };
  expect(await ask('interrupt', { params, query: { wait: '0.2' } })).toMatchObject(unreachable);
  expect(await ask('warm', { params: { sessionId: 'new' }, query: { wait: '0.2' } })).toMatchObject(unreachable);
  const several = await ask('closeSessions', { query: { prefix: 's', wait: '0.2' } });
  expect(several.body).toMatchObject({
    closed: [],
    failed: [{ sessionId: 's', status: 504, error: { code: 'owner_unreachable' } }],
  });
  expect(await ask('closeSession', { params, query: { wait: '0.2' } })).toMatchObject(unreachable);
  expect((await ask('warm', { params })).body).toMatchObject({ code: 'session_closing' });
  expect((await ask('submitTurn', { params, body: { prompt: 'x' } })).body).toMatchObject({ code: 'session_closing' });
  worker?.signal('SIGCONT');
  expect((await ask('closeSession', { params: { sessionId: 'new' } })).body).toEqual({
    sessionId: 'new',
    closed: true,
  });
  // Its closer is gone: the next close finishes it.
  expect((await ask('closeSession', { params })).body).toEqual({ sessionId: 's', closed: true });
}

async function others({ ask, contract, gateway, lost }: World): Promise<void> {
  await ask('submitTurn', { params: { sessionId: 'team-a/1' }, query: { wait: '30' }, body: { prompt: 'hello' } });
  await ask('submitTurn', { params: { sessionId: 'team-b/1' }, query: { wait: '30' }, body: { prompt: 'hello' } });
  expect((await ask('listSessions', { query: { limit: '1' } })).body).toMatchObject({
    sessions: [{ sessionId: 'team-b/1' }],
    next: expect.any(String),
  });
  expect((await ask('readSession', { params: { sessionId: 'team-a/1' } })).body).toMatchObject({
    state: 'idle',
    turns: 1,
    epoch: 1,
  });
  expect((await ask('listWorkers')).body).toMatchObject({
    workers: [{ workerNumber: 1 }],
    queues: [{ name: 'turns', waiting: 0 }, { name: 'turns-1' }],
  });
  expect((await ask('readiness')).body).toEqual({ status: 'ready', workers: 1 });
  expect((await contract.call(lost.url, 'health')).body).toEqual({ status: 'alive' });
  const within = await contract.call(gateway.url, 'closeSessions', {
    query: { state: 'idle' },
    headers: bearer(confined),
  });
  expect(within.body).toEqual({ closed: ['team-a/1'], failed: [], passedOver: [] });
  const { body } = await ask('mintToken', { body: { sessionId: 'team-b/1', scope: 'prompt', expiresIn: 60_000 } });
  const me = await contract.call(gateway.url, 'me', { headers: bearer({ token: String(body['token']) }) });
  expect(me.body).toMatchObject({ authentication: true, scope: 'prompt', sessionId: 'team-b/1' });
  expect((await contract.call(gateway.url, 'login', { body: { token: read.token } })).body).toMatchObject({
    scope: 'read',
  });
  expect((await contract.call(gateway.url, 'logout')).headers.get('set-cookie')).toMatch(
    /^hearth=;.*Expires=Thu, 01 Jan 1970/,
  );
  for (const id of ['openapi', 'docs', 'docsStyle']) expect((await contract.call(gateway.url, id)).status).toBe(200);
}

/** Workers whose agents do not start, each for another reason, and the message. */
const broken: Record<string, string | undefined> = {
  claude_not_found: undefined,
  agent_start_failed: '#!/bin/sh\nexit 3\n',
  agent_start_timeout: '#!/bin/sh\nexec sleep 60\n',
  // Starts, and cannot be bound to any session.
  agent_protocol: `#!${process.execPath}
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { request_id, request } = JSON.parse(line);
  const subtype = request?.subtype === 'initialize' ? 'success' : 'error';
  console.log(JSON.stringify({ type: 'control_response', response: { subtype, request_id, error: 'no' } }));
});
`,
};

async function warmFailures({ ask, cluster }: World): Promise<void> {
  const startTimeoutMs = 1_000;
  const workers = Object.entries(broken).map(async ([code, script]) => {
    const claude = join(await cluster.folder(), 'claude');
    if (script !== undefined) await writeFile(claude, script, { mode: 0o755 });
    const profile = code === 'agent_start_timeout' ? { startTimeoutMs } : {};
    // A spare of the default profile would be waited for until it times out, too.
    const profiles = { default: { spares: 0 }, [code]: profile };
    await cluster.worker({ profiles, env: { HEARTH_CLAUDE_PATH: claude } });
  });
  await Promise.all(workers);
  const codes = [...Object.keys(broken), 'profile_unknown'];
  const query = { wait: '120' };
  const warmed = codes.map((code) => ask('warm', { params: { sessionId: code }, query, body: { profile: code } }));
  for (const [at, { body }] of (await Promise.all(warmed)).entries()) expect(body).toMatchObject({ code: codes[at] });
}
