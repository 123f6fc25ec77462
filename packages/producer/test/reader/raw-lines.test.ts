import { expect, inject, test } from 'vitest';
import { cuttable } from '../../../../test/support/cuttable.js';
import type { Producer } from '../../src/index.js';
import { Scene } from '../support/scene.js';

/** Watches a session until it is told to end. */
function watch(producer: Producer): { lines: string[]; leave: () => Promise<void> } {
  const lines: string[] = [];
  const controller = new AbortController();
  const over = (async () => {
    for await (const { way, line } of producer.session('s').rawLines(controller.signal)) lines.push(`${way} ${line}`);
  })();
  return {
    lines,
    leave: () => {
      controller.abort();
      return over;
    },
  };
}

test('raw lines continue after a lost connection, and for one reader when another leaves', async () => {
  const scene = new Scene();
  const way = await cuttable(inject('redisUrl'));
  const producer = scene.producer({ redisUrl: way.url });
  const channel = scene.keys.session('s').raw;
  const [first, second] = [watch(producer), watch(producer)];
  /** Publishes lines until one arrives. */
  const heard = (text: string): Promise<unknown> =>
    expect
      .poll(async () => (await scene.redis.publish(channel, `out ${text}`)) > 0 && second.lines.includes(`out ${text}`))
      .toBe(true);
  await heard('at first');
  expect(first.lines).toContain('out at first');
  expect(way.cut()).toBeGreaterThan(0);
  await heard('after a cut');
  await first.leave();
  await heard('alone');
  expect(first.lines).not.toContain('out alone');
  await second.leave();
  await expect.poll(() => scene.redis.pubsub('NUMSUB', channel)).toEqual([channel, 0]);
});
