import { HearthError } from '@hearth/shared';
import { createLogger } from '@hearth/shared/internal';
import { describe, expect, test } from 'vitest';
import type { Agent } from '../../src/agent/driver.js';
import { MemoryBudget } from '../../src/pool/memory-budget.js';
import { Occupancy } from '../../src/pool/occupancy.js';
import { Slots } from '../../src/pool/slots.js';
import { SparePool } from '../../src/pool/spare-pool.js';
import { type OwnedSession, SessionRegistry } from '../../src/session/session-registry.js';
import { type FakeAgent, fakeAgent } from '../support/agents.js';

/** One pool of profile `p`, also named `alias`, in a worker with `total` slots. `memory`: whether one more agent fits. */
function world(total: number, target: number, start?: () => Promise<Agent>, memory = { isShort: false }) {
  const log = createLogger('test', 'silent');
  const started: FakeAgent[] = [];
  const registry = new SessionRegistry();
  const available = (): number => (memory.isShort ? 0 : Number.MAX_SAFE_INTEGER);
  const budget = new MemoryBudget({ available, firstEstimate: 1, log });
  const occupancy = new Occupancy({ total, registry, budget, home: { isReady: true } });
  const make = async (): Promise<Agent> => {
    const agent = fakeAgent(started.length + 1);
    started.push(agent);
    return agent;
  };
  const pool = new SparePool({ target, start: start ?? make, occupancy, log });
  const pools = new Map([
    ['p', pool],
    ['alias', pool],
  ]);
  const slots = new Slots({ occupancy, pools, registry });
  /** Adds an idle session. */
  const addIdle = (sessionId: string, idleSince: number, evict: () => Promise<boolean>): void =>
    registry.add({ sessionId, idleSince, presentAgent: undefined, evict } as unknown as OwnedSession);
  return { pool, slots, occupancy, started, addIdle };
}

const mustNotEvict = (): Promise<never> => Promise.reject(new Error('must not be evicted'));

describe('spares', () => {
  test('take a slot until their process is gone', async () => {
    const { pool, slots, occupancy, started } = world(1, 1);
    pool.fill();
    await pool.settled();
    const [spare] = started;
    let gone = (): void => undefined;
    if (spare !== undefined) {
      const end = spare.end.bind(spare);
      const last = new Promise<void>((resolve) => {
        gone = resolve;
      });
      spare.end = async (how) => last.then(() => end(how));
    }
    // This profile has no spares, so the spare of the other one must go.
    const slot = slots.acquire('q');
    await Promise.resolve();
    expect([pool.readyCount, occupancy.free, slots.outlook()]).toEqual([0, -1, 'full']);
    gone();
    expect(await slot).toMatchObject({ profile: 'q' });
  });

  test('are handed out once each, and refilled', async () => {
    const { pool, started } = world(5, 2);
    pool.fill();
    await pool.settled();
    const [first, second] = [pool.tryTake(), pool.tryTake()];
    expect(first?.pid).not.toBe(second?.pid);
    expect(pool.tryTake()).toBeUndefined();
    pool.fill();
    await pool.settled();
    expect(pool.readyCount).toBe(2);
    expect(started).toHaveLength(4);
    await pool.stop();
    expect(started.slice(2).every(({ isEnded }) => isEnded)).toBe(true);
    expect(started.slice(0, 2).some(({ isEnded }) => isEnded)).toBe(false);
  });

  test('reject all waiting takers, and later ones, while starts fail', async () => {
    const error = new HearthError('agent_start_failed', 'no licence');
    const { pool } = world(5, 1, () => Promise.reject(error));
    const waiting = [pool.obtain(), pool.obtain()];
    for (const taker of waiting) await expect(taker).rejects.toBe(error);
    expect(pool.failure).toBe(error);
    await expect(pool.obtain()).rejects.toBe(error);
    await pool.stop();
  });

  test('back off after two failed starts, not after one', async () => {
    const error = new HearthError('agent_start_failed', 'killed');
    const plan = [error, undefined, error, error];
    const { pool } = world(5, 0, async () => {
      const next = plan.shift();
      if (next !== undefined) throw next;
      return fakeAgent(1);
    });
    await expect(pool.obtain()).rejects.toBe(error);
    expect(pool.isBackingOff).toBe(false);
    expect(await pool.obtain()).toMatchObject({ agent: { pid: 1 } });
    await expect(pool.obtain()).rejects.toBe(error);
    await expect(pool.obtain()).rejects.toBe(error);
    expect(pool.isBackingOff).toBe(true);
    await expect(pool.obtain()).rejects.toBe(error);
    expect(plan).toEqual([]);
    await pool.stop();
  });

  test('back off when they start and die at once', async () => {
    const { pool, started } = world(5, 1);
    pool.fill();
    await pool.settled();
    await started[0]?.end('now');
    await expect.poll(() => pool.readyCount).toBe(1);
    await started[1]?.end('now');
    expect(pool.isBackingOff).toBe(true);
    pool.fill();
    expect(started).toHaveLength(2);
    await pool.stop();
  });

  test('stay available when one session cannot be resumed', async () => {
    const { pool } = world(5, 0);
    for (let time = 0; time < 5; time += 1)
      pool.noteFailure(new HearthError('agent_start_failed', 'a broken transcript'));
    expect(pool.isBackingOff).toBe(false);
    expect(await pool.obtain()).toMatchObject({ agent: { pid: 1 } });
    expect(pool.failure).toBeUndefined();
    await pool.stop();
  });

  test('are started again after a failed start, without a taker', async () => {
    const tried = Array.from({ length: 20 }, async () => {
      let attempts = 0;
      const { pool } = world(5, 1, async () => {
        attempts += 1;
        if (attempts === 1) throw new HearthError('agent_start_failed', 'just now');
        return fakeAgent(attempts);
      });
      pool.fill();
      await expect.poll(() => pool.readyCount, { timeout: 5_000 }).toBe(1);
      expect(pool.failure).toBeUndefined();
      await pool.stop();
    });
    await Promise.all(tried);
  });

  test('are handed out after a failed resume, and one more start clears the failure', async () => {
    const { pool, slots, started } = world(5, 1);
    pool.fill();
    await pool.settled();
    pool.noteFailure(new HearthError('agent_start_failed', 'a broken transcript'));
    expect([pool.failure, pool.readyCount]).toEqual([undefined, 1]);
    const slot = await slots.acquire('p');
    expect(slot?.spare).toBe(started[0]);
    await expect.poll(() => pool.failure).toBeUndefined();
    await pool.stop();
  });

  test('clear a failed resume also in a pool without spares', async () => {
    const { pool } = world(5, 0);
    pool.noteFailure(new HearthError('agent_start_failed', 'just now'));
    await expect.poll(() => pool.failure).toBeUndefined();
    pool.noteFailure(new HearthError('agent_start_failed', 'just now'));
    pool.noteSuccess();
    expect(pool.failure).toBeUndefined();
    await pool.stop();
  });

  test('are ended when the pool stops while they start', async () => {
    let arrive: (agent: Agent) => void = () => undefined;
    const { pool } = world(5, 1, () => new Promise((resolve) => (arrive = resolve)));
    pool.fill();
    const agent = fakeAgent(1);
    const stopped = pool.stop();
    arrive(agent);
    await stopped;
    expect(agent.isEnded).toBe(true);
  });

  test('go back to the pool when their slot is released unused', async () => {
    const { pool, slots } = world(3, 1);
    pool.fill();
    await pool.settled();
    const slot = await slots.acquire('p');
    expect(slot?.spare).toBeDefined();
    if (slot !== undefined) slots.release(slot);
    expect(pool.readyCount).toBeGreaterThan(0);
    await pool.stop();
  });
});

describe('slots', () => {
  test('never exceed the total, because spares make room for sessions', async () => {
    const { pool, slots, started } = world(2, 2);
    pool.fill();
    await pool.settled();
    const [first, second, third] = [await slots.acquire('p'), await slots.acquire('p'), await slots.acquire('p')];
    expect([first?.spare?.pid, second?.spare?.pid, third]).toEqual([1, 2, undefined]);
    expect(started).toHaveLength(2);
    expect(slots.outlook()).toBe('full');
    await pool.stop();
  });

  test('count shared spares once', async () => {
    const { pool, occupancy } = world(4, 2);
    pool.fill();
    await pool.settled();
    expect(occupancy.free).toBe(2);
    await pool.stop();
  });

  test('come from spares of another profile before an idle session is evicted', async () => {
    const { pool, slots, started, addIdle } = world(1, 1);
    pool.fill();
    await pool.settled();
    addIdle('idle', 0, mustNotEvict);
    expect(await slots.acquire('other')).toBeDefined();
    expect(started[0]?.isEnded).toBe(true);
    await pool.stop();
  });

  test('wait for a starting spare before an idle session is evicted', async () => {
    let ready = (): void => undefined;
    const starting = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const { pool, slots, addIdle } = world(2, 1, async () => {
      await starting;
      return fakeAgent(1);
    });
    const held = await slots.acquire('other');
    addIdle('idle', 0, mustNotEvict);
    const admitted = slots.acquire('p');
    ready();
    expect(await admitted).toMatchObject({ spare: { pid: 1 } });
    expect(held?.spare).toBeUndefined();
    await pool.stop();
  });

  test('need memory for one more agent, or an evicted session', async () => {
    const memory = { isShort: false };
    const { pool, slots, started, addIdle } = world(4, 0, undefined, memory);
    const held = await slots.acquire('p');
    memory.isShort = true;
    pool.fill();
    expect([started.length, slots.outlook(), await slots.acquire('p')]).toEqual([0, 'full', undefined]);
    addIdle('idle', 0, async () => {
      if (held !== undefined) slots.release(held);
      memory.isShort = false;
      return true;
    });
    expect(slots.outlook()).toBe('evictable');
    expect(await slots.acquire('p')).toBeDefined();
    await pool.stop();
  });

  test('come from the session that was idle longest', async () => {
    const { slots, addIdle } = world(2, 0);
    const held = [await slots.acquire('p'), await slots.acquire('p')];
    const evicted: string[] = [];
    for (const [name, idleSince, at] of [
      ['younger', 20, 0],
      ['older', 10, 1],
    ] as const) {
      const slot = held[at];
      addIdle(name, idleSince, async () => {
        evicted.push(name);
        if (slot !== undefined) slots.release(slot);
        return true;
      });
    }
    expect(slots.outlook()).toBe('evictable');
    expect(await slots.acquire('p')).toBeDefined();
    expect(evicted).toEqual(['older']);
  });
});
