import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { type TestRedis, withRedis } from '../../setup/prefix.js';
import { Frames } from './frames.js';
import { TroubleProxy } from './proxy.js';

/** A subscriber behind a proxy, and the messages it received. */
async function listening({ url, prefix }: TestRedis, protocol: 2 | 3) {
  const proxy = await TroubleProxy.open(url);
  const redis = new Redis(proxy.url, { protocol });
  onTestFinished(async () => {
    redis.disconnect();
    await proxy.close();
  });
  const got: string[] = [];
  redis.on('message', (_channel: string, text: string) => got.push(text));
  await redis.subscribe(`${prefix}:channel`);
  return { proxy, got };
}

const queued = (id: number): string => `i ${id} [{"type":"turn.queued"}]`;
const finished = (id: number): string =>
  `i ${id} [{"type":"text.delta","text":"größer\\r\\n"},{"type":"turn.finished"}]`;

// The client library uses RESP3; another client may not.
test.each([2, 3] as const)('messages are lost on request, and nothing else (RESP%i)', async (protocol) => {
  await withRedis(async (world) => {
    const { proxy, got } = await listening(world, protocol);
    proxy.dropPublishes({ any: 1, endings: 1 });
    // In one write, so that they arrive together.
    const all = [queued(1), queued(2), finished(3), queued(4), finished(5)];
    const pipeline = world.redis.pipeline();
    for (const text of all) pipeline.publish(`${world.prefix}:channel`, text);
    await pipeline.exec();
    await expect.poll(() => got).toEqual([queued(2), queued(4), finished(5)]);
    expect(proxy.droppedPublishes).toBe(2);
    expect(proxy.publishesToDrop).toBe(0);
  });
});

test('replies arrive whole, however they are split', () => {
  const replies = [
    '+OK\r\n',
    '$-1\r\n',
    '*2\r\n$3\r\na\r\n\r\n:1\r\n',
    '%1\r\n+k\r\n>2\r\n+a\r\n_\r\n',
    '*-1\r\n',
    '*0\r\n',
  ];
  const bytes = Buffer.from(replies.join(''));
  for (const size of [1, 2, 3, 7, bytes.length]) {
    const frames = new Frames();
    const whole: string[] = [];
    for (let at = 0; at < bytes.length; at += size)
      whole.push(...frames.push(bytes.subarray(at, at + size)).map(String));
    expect(whole).toEqual(replies);
  }
});
