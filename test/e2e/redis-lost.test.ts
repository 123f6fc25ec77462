/** Redis is lost while it is in use: calls fail with the typed error, and work again when it is back. */
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';
import { watch } from '../support/command.js';
import { cuttable } from '../support/cuttable.js';
import { eventually } from '../support/facts.js';
import { startGateway } from '../support/gateway.js';
import { json, problem, send, turn } from '../support/raw-request.js';

test('requests under way get 503, and the next ones are served when Redis is back', async () => {
  await withCluster(async (cluster) => {
    const way = await cuttable(cluster.redisUrl);
    const gateway = await startGateway(cluster, { redisUrl: way.url });
    expect((await send(gateway, '/v1/sessions/s/turns', turn({}, { prompt: 'x', turnId: 't' }))).status).toBe(202);
    way.freeze();
    const post = { method: 'POST', headers: json };
    const asked = [
      send(gateway, '/v1/sessions/s'),
      send(gateway, '/v1/sessions/s/turns'),
      send(gateway, '/v1/sessions/s/turns/t/events'),
      send(gateway, '/v1/sessions/s/turns/t', { method: 'DELETE' }),
      send(gateway, '/v1/sessions/s/interrupt', post),
      send(gateway, '/v1/sessions/s/warm', post),
      send(gateway, '/v1/sessions/s/permissions/r', { ...post, body: '{"decision":"allow"}' }),
      send(gateway, '/v1/sessions/s', { method: 'DELETE' }),
      send(gateway, '/v1/sessions'),
      send(gateway, '/v1/workers'),
      send(gateway, '/readyz'),
    ];
    for (const answer of await Promise.all(asked)) expect(answer).toMatchObject(problem(503, 'redis_unreachable'));
    way.restore();
    expect((await send(gateway, '/v1/sessions/s')).body).toMatchObject({ sessionId: 's', waiting: 1 });
  });
});

test('a chat whose Ctrl-C reaches no worker reports it, and continues', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake' });
    const way = await cuttable(cluster.redisUrl);
    const chat = watch(['chat', 's'], { ...cluster.env, REDIS_URL: way.url, HEARTH_HOME: await cluster.folder() });
    chat.type('[[tool Bash {"command":"x"}]] go');
    await chat.said(/Bash/);
    way.freeze();
    chat.ctrlC();
    await chat.said(/redis_unreachable/);
    way.restore();
    chat.ctrlC();
    await chat.said(/interrupted/);
    chat.type('hello');
    await chat.said(/Echo: hello/);
    expect(await chat.endInput()).toBe(0);
  });
});

test('a chat continues after an unexpected error, at Ctrl-C and at an answer', async () => {
  await withCluster(async (cluster) => {
    await cluster.worker({ claude: 'fake', leaseTtlMs: 60_000 });
    const chat = watch(['chat', 's'], { ...cluster.env, HEARTH_HOME: await cluster.folder() });
    chat.type('[[tool Bash {"command":"x"}]] go');
    const { turnIds, permissions } = cluster.keys.session('s');
    await eventually(async () => (await cluster.redis.exists(permissions)) === 1);
    await chat.said(/Bash/);
    const errors = () => chat.lines.filter((line) => line.includes('internal: WRONGTYPE')).length;
    for (const [at, key] of [turnIds, permissions].entries()) {
      await cluster.redis.rename(key, `${key}:away`);
      await cluster.redis.set(key, 'of another type');
      if (key === turnIds) chat.ctrlC();
      else chat.type('n');
      await eventually(() => errors() > at);
      await cluster.redis.rename(`${key}:away`, key);
    }
    await cluster.producer().session('s').interrupt();
    await chat.said(/interrupted/);
    chat.type('hello');
    await chat.said(/Echo: hello/);
    expect(await chat.endInput()).toBe(0);
  });
});
