import { expect, test } from 'vitest';
import { shortLeaseMs, withCluster } from '../support/cluster.js';
import { cuttable } from '../support/cuttable.js';
import { eventually } from '../support/facts.js';
import { clusterOnOwnRedis } from '../support/own-redis.js';

test('a worker whose connections are silently dead is reborn within seconds', async () => {
  await withCluster(async (cluster) => {
    const way = await cuttable(cluster.redisUrl);
    const worker = await cluster.worker({
      claude: 'fake',
      slots: 1,
      leaseTtlMs: shortLeaseMs,
      env: { REDIS_URL: way.url },
    });
    const session = cluster.producer().session('s');
    await (await session.prompt('before')).result();

    way.freeze('standing');
    const lost = await worker.logged(({ event }) => event === 'lease.lost');
    const turn = await session.prompt('after');
    const reborn = await worker.logged(({ event, time }) => event === 'worker.serving' && time > lost.time);
    expect(await turn.result()).toMatchObject({ text: 'Echo: after', workerId: reborn['workerId'] });
  });
});

test('a worker that is reborn while its connections are cut repeatedly does not give up', async () => {
  await withCluster(async (cluster) => {
    const way = await cuttable(cluster.redisUrl);
    const worker = await cluster.worker({
      claude: 'fake',
      slots: 1,
      leaseTtlMs: shortLeaseMs,
      env: { REDIS_URL: way.url },
    });
    await cluster.redis.del(cluster.keys.lease(worker.workerId));
    const lost = await worker.logged(({ event }) => event === 'lease.lost');
    // At any moment, as a bad connection does.
    let cuts = 0;
    await new Promise<void>((resolve) => {
      const cutting = setInterval(() => {
        cuts += way.cut() > 0 ? 1 : 0;
        if (cuts < 40) return;
        clearInterval(cutting);
        resolve();
      }, 25);
    });
    await worker.logged(({ event, time }) => event === 'worker.serving' && time > lost.time);
    expect(worker.isGone()).toBe(false);
    const turn = await cluster.producer().session('s').prompt('hello');
    expect((await turn.result()).text).toBe('Echo: hello');
  });
});

test('after Redis was away for longer than a lease, all running and waiting turns are served, and none fails', async () => {
  const { cluster, redis } = await clusterOnOwnRedis();
  const worker = await cluster.worker({ claude: 'fake', slots: 2, leaseTtlMs: shortLeaseMs });
  const producer = cluster.producer();
  const running = ['run-1', 'run-2'];
  const waiting = ['wait-1', 'wait-2', 'wait-3'];
  for (const name of running) {
    const turn = await producer.session(name).prompt('[[stream chunks=10 every=400ms]] one two three four five');
    for await (const { type } of turn) if (type === 'text.delta') break;
  }
  for (const name of waiting) await producer.session(name).prompt('hello');

  await redis.bounce('stop', 2 * shortLeaseMs);
  const results = await Promise.all(
    [...running, ...waiting].map((name) => eventually(async () => (await cluster.store.turn(name, 1))?.result)),
  );
  expect(results.map(({ status, ...rest }) => (status === 'failed' ? rest : status))).toEqual(
    results.map(() => 'finished'),
  );
  expect(results.map(({ workerId }) => workerId)).not.toContain(worker.workerId);
});

test('a worker that lost its lease because Redis refused writes restarts as soon as writes succeed', async () => {
  const { cluster } = await clusterOnOwnRedis();
  const worker = await cluster.worker({ claude: 'fake', leaseTtlMs: shortLeaseMs });
  const turn = await cluster.producer().session('s').prompt('[[stream chunks=10 every=400ms]] hello');
  for await (const { type } of turn) if (type === 'turn.started') break;
  await cluster.redis.config('SET', 'min-replicas-to-write', '1');
  const lost = await worker.logged(({ event }) => event === 'lease.lost');
  const waits = worker.logged(({ event }) => event === 'worker.restart_failed');
  expect(await Promise.race([waits.then(() => 'waits'), worker.exited])).toBe('waits');
  await cluster.redis.config('SET', 'min-replicas-to-write', '0');
  const reborn = await worker.logged(({ event, time }) => event === 'worker.serving' && time > lost.time);
  expect(await turn.result()).toMatchObject({ text: 'Echo: hello', workerId: reborn['workerId'] });
});
