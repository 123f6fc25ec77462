import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startModelApi } from '@hearth/simulator';
import { onTestFinished } from 'vitest';
import { Cluster } from './cluster.js';
import { RedisServer } from './redis-server.js';

/** A cluster on a Redis of this test, which may be killed and restarted. */
export async function clusterOnOwnRedis(): Promise<{ cluster: Cluster; redis: RedisServer }> {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-test-redis-'));
  const redis = await RedisServer.start(folder);
  const cluster = new Cluster(redis.url, await startModelApi());
  // It is down for a while, during which calls fail.
  cluster.redis.on('error', () => undefined);
  onTestFinished(async ({ task }) => {
    await cluster.close(task.result?.state === 'pass');
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return { cluster, redis };
}
