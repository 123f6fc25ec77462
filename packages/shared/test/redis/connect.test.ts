import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { withRedis } from '../../../../test/setup/prefix.js';
import { RedisServer } from '../../../../test/support/redis-server.js';
import { connectFailingFast, connectWaiting, disconnectNow } from '../../src/redis/connect.js';

/** The URL of a port without a listener. */
async function unreachableUrl(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  server.close();
  await once(server, 'close');
  return `redis://127.0.0.1:${port}`;
}

test('disconnectNow rejects waiting commands between two attempts to connect', async () => {
  const redis = connectWaiting(await unreachableUrl(), 'test');
  redis.on('error', () => undefined);
  const waits = redis.get('key').then(
    () => 'answered',
    (error: Error) => error.message,
  );
  await expect.poll(() => redis.status).toBe('reconnecting');
  disconnectNow(redis);
  expect(await Promise.race([waits, pause(1_000, 'waits for ever')])).toBe('Connection is closed.');
  await expect(redis.get('key')).rejects.toThrow('Connection is closed.');
});

test('connectFailingFast keeps an idle connection', () =>
  withRedis(async ({ redis, url, prefix }) => {
    const idle = connectFailingFast(url, prefix, 200);
    await idle.connect();
    const id = String(await idle.client('ID'));
    const listed = async (): Promise<string | undefined> =>
      ((await redis.client('LIST')) as string).split('\n').find((line) => line.includes(`name=${prefix}`));
    // Idle for longer than the answer timeout.
    await expect.poll(listed, { timeout: 5_000 }).toMatch(/ idle=[1-9] /);
    expect(await listed()).toContain(`id=${id} `);
    expect(String(await idle.client('ID'))).toBe(id);
    disconnectNow(idle);
  }));

test('connectFailingFast reconnects when its primary was demoted', () =>
  withRedis(async ({ url, prefix }) => {
    const folder = await mkdtemp(join(tmpdir(), 'hearth-test-redis-'));
    const demoted = await RedisServer.start(folder);
    let leadsTo = demoted.url;
    const address = createServer((near) => {
      const far = connect(Number(new URL(leadsTo).port), '127.0.0.1');
      near.pipe(far).pipe(near);
      for (const socket of [near, far]) socket.on('error', () => near.destroy()).on('close', () => far.destroy());
    }).listen(0, '127.0.0.1');
    await once(address, 'listening');
    const redis = connectFailingFast(`redis://127.0.0.1:${(address.address() as AddressInfo).port}`, prefix);
    onTestFinished(async () => {
      disconnectNow(redis);
      address.close();
      await demoted.stop();
      await rm(folder, { recursive: true, force: true });
    });
    await redis.connect();
    await redis.set(prefix, 'before');

    leadsTo = url;
    const admin = new Redis(demoted.url);
    await admin.replicaof('127.0.0.1', 1);
    admin.disconnect();
    const again = once(redis, 'ready', { signal: AbortSignal.timeout(10_000) });
    await expect(redis.set(prefix, 'lost')).rejects.toThrow(/^READONLY /);
    await again;
    expect(await redis.set(prefix, 'after')).toBe('OK');
  }));
