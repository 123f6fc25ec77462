import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startModelApi } from '@hearth/simulator';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { Cluster, shortLeaseMs } from '../support/cluster.js';
import { eventually } from '../support/facts.js';
import { RedisServer } from '../support/redis-server.js';
import { TroubleProxy } from './stage/proxy.js';

/** Longer than the start of a worker on a busy machine. */
const long = `[[stream chunks=60 every=100ms]] ${'on '.repeat(60)}`;

// The promise for a failover of Redis without WAIT: docs/failure-modes.md.
test('after a replica without a claim, a submit and a commit is promoted, its turns are served and the lost ones are reported', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-test-redis-'));
  const [primary, replica] = await Promise.all(
    ['primary', 'replica'].map((name) => RedisServer.start(join(folder, name))),
  );
  if (primary === undefined || replica === undefined) throw new TypeError('two servers');
  const proxy = await TroubleProxy.open(primary.url);
  const cluster = new Cluster(proxy.url, await startModelApi());
  const admin = { primary: new Redis(primary.url), replica: new Redis(replica.url) };
  for (const redis of [cluster.redis, admin.primary, admin.replica]) redis.on('error', () => undefined);
  onTestFinished(async ({ task }) => {
    await cluster.close(task.result?.state === 'pass');
    for (const redis of Object.values(admin)) redis.disconnect();
    await proxy.close();
    await Promise.all([primary.stop(), replica.stop()]);
    await rm(folder, { recursive: true, force: true });
  });
  await admin.replica.replicaof('127.0.0.1', Number(new URL(primary.url).port));
  await eventually(async () => (await admin.replica.info('replication')).includes('master_link_status:up'));

  const producer = cluster.producer();
  const [kept, moving, lost] = ['kept', 'moving', 'lost'].map((name) => producer.session(name));
  if (kept === undefined || moving === undefined || lost === undefined) throw new TypeError('three sessions');
  const first = await cluster.worker({ claude: 'fake', leaseTtlMs: shortLeaseMs });
  await (await kept.prompt('Remember the number 7.')).result();
  await (await moving.prompt('Remember the number 9.')).result();
  const cutOff = await moving.prompt(long);
  for await (const event of cutOff) if (event.type === 'text.delta') break;
  const seen: string[] = [];
  const leaving = new AbortController();
  const reading = (async () => {
    for await (const { type } of kept.events({ signal: leaving.signal })) seen.push(type);
  })();

  // The last write that reaches the replica.
  await admin.primary.wait(1, 0);
  await admin.replica.replicaof('NO', 'ONE');
  await (await kept.prompt('Remember the number 8.')).result();
  await eventually(() => seen.includes('turn.finished'));
  const second = await cluster.worker({ claude: 'fake', leaseTtlMs: shortLeaseMs });
  first.signal('SIGKILL');
  await second.logged(({ event, sessionId }) => event === 'turn.started' && sessionId === 'moving');
  const unknown = await lost.prompt(long, { turnId: 'submitted-and-lost' });
  for await (const event of unknown) if (event.type === 'text.delta') break;

  proxy.lead(replica.url);
  await primary.stop();

  // It began twice, and was claimed by a worker that the new primary does not know: it ends all the same.
  expect(await cutOff.result()).toMatchObject({ status: 'finished' });
  await expect(unknown.result()).rejects.toMatchObject({ code: 'turn_gone' });
  expect(await (await lost.prompt('again', { turnId: 'submitted-and-lost' })).result()).toMatchObject({
    text: 'Echo: again',
  });
  // The lost commit has no trace.
  const recalled = await (await kept.prompt('What number did I ask you to remember?')).result();
  expect(recalled.text).toBe('You asked me to remember the number 7.');
  // A connected reader is told that ids are assigned again.
  await eventually(() => seen.filter((type) => type === 'turn.finished').length === 2);
  leaving.abort();
  await reading;
  expect(seen).toContain('stream.expired');
}, 90_000);
