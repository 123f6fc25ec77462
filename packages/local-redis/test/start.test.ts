import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { type LocalRedis, type LocalRedisOptions, startLocalRedis } from '../src/index.js';
import { withFolder } from './folder.js';

/** A zombie counts as gone: the server cannot influence when an orphan is reaped. */
async function isRunning(pid: number | undefined): Promise<boolean> {
  const stat = await readFile(`/proc/${pid ?? 'none'}/stat`, 'utf8').catch(() => ') Z');
  return !stat.includes(') Z');
}

async function setting(client: Redis, name: string): Promise<string | undefined> {
  const [, value] = (await client.config('GET', name)) as string[];
  return value;
}

async function withServer(
  options: LocalRedisOptions,
  use: (server: LocalRedis, client: Redis) => Promise<void>,
): Promise<void> {
  const server = await startLocalRedis(options);
  const client = new Redis(server.url);
  try {
    await use(server, client);
  } finally {
    client.disconnect();
    await server.stop();
  }
}

it('a started server answers at once, never evicts and appends to a file', () =>
  withFolder(async (dataDir) =>
    withServer({ dataDir }, async ({ url, port }, client) => {
      expect(url).toBe(`redis://127.0.0.1:${port}`);
      expect(await client.ping()).toBe('PONG');
      expect(await setting(client, 'maxmemory-policy')).toBe('noeviction');
      expect(await setting(client, 'appendonly')).toBe('yes');
      expect(await setting(client, 'bind')).toBe('127.0.0.1');
    }),
  ));

it('stop leaves no process and keeps the data, and the next server on the folder has them', () =>
  withFolder(async (dataDir) => {
    const first = await startLocalRedis({ dataDir });
    const client = new Redis(first.url);
    await client.set('k', 'v');
    client.disconnect();
    await Promise.all([first.stop(), first.stop()]);
    expect(await isRunning(first.pid)).toBe(false);
    await withServer({ dataDir }, async (_, next) => expect(await next.get('k')).toBe('v'));
  }));

it('stop removes the data on request', () =>
  withFolder(async (folder) => {
    const dataDir = join(folder, 'data');
    await (await startLocalRedis({ dataDir })).stop({ removeData: true });
    expect(existsSync(dataDir)).toBe(false);
  }));

it('a second start on a folder in use is refused and does not disturb the first', () =>
  withFolder(async (dataDir) =>
    withServer({ dataDir }, async ({ url }, client) => {
      const second = startLocalRedis({ dataDir });
      await expect(second).rejects.toMatchObject({
        code: 'redis_already_running',
        message: expect.stringContaining(url) as string,
      });
      expect(await client.ping()).toBe('PONG');
    }),
  ));

it('of many concurrent starts on one folder one succeeds', () =>
  withFolder(async (dataDir) => {
    const starts = await Promise.allSettled(Array.from({ length: 8 }, () => startLocalRedis({ dataDir })));
    const started = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
    await Promise.all(started.map((server) => server.stop()));
    expect(started).toHaveLength(1);
  }));

it('a server whose owner was killed is reused, and can be stopped', () =>
  withFolder(async (dataDir) => {
    const owner = spawn(process.execPath, [fileURLToPath(new URL('fixtures/owner.mjs', import.meta.url)), dataDir]);
    const [line] = (await once(owner.stdout, 'data')) as [Buffer];
    const { pid, port } = JSON.parse(line.toString()) as { pid: number; port: number };
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    await withServer({ dataDir }, async (server) => expect(server).toMatchObject({ pid, port }));
    expect(await isRunning(pid)).toBe(false);
  }));

it('a claim of a machine that died does not block the folder', () =>
  withFolder(async (dataDir) => {
    const claim = join(dataDir, 'hearth-redis.json');
    for (const left of ['', JSON.stringify({ owner: 2 ** 22 + 1, server: { origin: 'path', port: 1, pid: 1 } })]) {
      await writeFile(claim, left);
      await withServer({ dataDir }, async ({ pid }) => {
        expect(JSON.parse(await readFile(claim, 'utf8'))).toMatchObject({ owner: process.pid, server: { pid } });
      });
      expect(existsSync(claim)).toBe(false);
    }
  }));

it('a port in use gives an error that names it, and leaves the folder free', () =>
  withFolder(async (dataDir) => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await expect(startLocalRedis({ dataDir, port })).rejects.toMatchObject({
      code: 'redis_start_failed',
      message: expect.stringContaining('in use') as string,
    });
    other.close();
    await withServer({ dataDir }, async (_, client) => expect(await client.ping()).toBe('PONG'));
  }));
