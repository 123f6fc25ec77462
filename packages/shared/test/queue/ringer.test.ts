import type { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import { withRedis } from '../../../../test/setup/prefix.js';
import { Keys, newRingId, Ringer } from '../../src/internal.js';

const doorbell = (sessionId: string) => ({ sessionId, turnId: 't', seq: 1, profile: 'default', preview: '' });
const toIntake = () => ({ queue: 'intake' as const, jobId: newRingId() });

async function withRinger(use: (ringer: Ringer, redis: Redis) => Promise<void>): Promise<void> {
  await withRedis(async ({ redis, prefix }) => {
    const ringer = new Ringer(redis, new Keys({ keyPrefix: prefix, queuePrefix: prefix }));
    await use(ringer, redis);
    await ringer.close();
  });
}

test('reads the first job of intake once', () =>
  withRinger(async (ringer, redis) => {
    const sent = vi.spyOn(redis, 'sendCommand');
    expect(await ringer.nextInIntake()).toBeUndefined();
    await ringer.post(toIntake(), { sessionId: 'large', prompt: 'x'.repeat(1_000_000) }, { delayMs: 0, postedAt: 1 });
    await ringer.ring(toIntake(), doorbell('small'));
    const reads = (): number => sent.mock.calls.filter(([command]) => command.name === 'hget').length;
    for (let asked = 0; asked < 5; asked += 1) expect(await ringer.nextInIntake()).toBe('large');
    expect(reads()).toBe(1);
    expect(await ringer.othersWaitInIntake('small')).toBe(true);
    expect(reads()).toBe(1);
    for (let asked = 0; asked < 5; asked += 1) expect(await ringer.othersWaitInIntake('large')).toBe(true);
    expect(reads()).toBe(2);
  }));

test('names the first waiting job before the first prioritised job', () =>
  withRinger(async (ringer) => {
    await ringer.ring(toIntake(), doorbell('ranked'), 5);
    expect(await ringer.nextInIntake()).toBe('ranked');
    await ringer.ring(toIntake(), doorbell('first'));
    await ringer.ring(toIntake(), doorbell('second'));
    expect(await ringer.nextInIntake()).toBe('first');
    expect(await ringer.othersWaitInIntake('first')).toBe(true);
  }));

test('finds no job of other sessions when one session waits alone in intake', () =>
  withRinger(async (ringer) => {
    for (let times = 0; times < 3; times += 1) await ringer.ring(toIntake(), doorbell('alone'));
    await ringer.ring(toIntake(), doorbell('alone'), 5);
    expect(await ringer.othersWaitInIntake('alone')).toBe(false);
  }));

test('opens the queue again after it failed to open', () =>
  withRinger(async (ringer, redis) => {
    await redis.ping();
    // BullMQ reads the version when it opens a queue.
    vi.spyOn(redis, 'info').mockRejectedValueOnce(new Error('Command timed out'));
    await expect(ringer.ring(toIntake(), doorbell('s'))).rejects.toThrow('Command timed out');
    await ringer.ring(toIntake(), doorbell('s'));
    expect(await ringer.nextInIntake()).toBe('s');
  }));

test('closes although a queue is opening and Redis does not answer', () =>
  withRinger(async (ringer, redis) => {
    await redis.ping();
    const info = vi.spyOn(redis, 'info').mockReturnValueOnce(new Promise(() => undefined));
    const ringing = ringer.ring(toIntake(), doorbell('s'));
    await expect.poll(() => info.mock.calls.length).toBe(1);
    await ringer.close();
    expect(await Promise.race([ringing, Promise.resolve('under way')])).toBe('under way');
  }));
