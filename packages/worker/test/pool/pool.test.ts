import { createLogger, HearthError } from '@hearth/shared';
import { describe, expect, test } from 'vitest';
import type { Agent, AgentExit } from '../../src/agent/driver.js';
import { Slots } from '../../src/pool/slots.js';
import { SparePool } from '../../src/pool/spare-pool.js';

interface FakeAgent extends Agent {
  ended: boolean;
}

function fakeAgent(pid: number): FakeAgent {
  let exit: (exit: AgentExit) => void = () => undefined;
  const exited = new Promise<AgentExit>((resolve) => {
    exit = resolve;
  });
  const agent: FakeAgent = {
    agentId: `a-${pid}`,
    pid,
    claudeSessionId: `c-${pid}`,
    exited,
    ended: false,
    bind: async () => undefined,
    prompt: () => undefined,
    interrupt: async () => undefined,
    answer: () => undefined,
    watch: () => undefined,
    end: async () => {
      agent.ended = true;
      exit({ code: 0, signal: undefined, stderrTail: '' });
      return exited;
    },
  };
  return agent;
}

function world(total: number, target: number, start?: () => Promise<Agent>, fits = () => true) {
  const started: FakeAgent[] = [];
  const pools = new Map<string, SparePool>();
  const idle: { idleSince: number; evict(): Promise<boolean> }[] = [];
  const slots = new Slots({ total, pools, idleSessions: () => idle, fits });
  const make = async (): Promise<Agent> => {
    const agent = fakeAgent(started.length + 1);
    started.push(agent);
    return agent;
  };
  const pool = new SparePool({
    target,
    start: start ?? make,
    hasRoom: () => slots.free > 0,
    onReady: () => undefined,
    log: createLogger('test', 'silent'),
  });
  pools.set('p', pool);
  return { pool, pools, slots, started, idle };
}

describe('spares', () => {
  test('take their slot until their process is gone', async () => {
    const { pool, slots, started } = world(1, 1);
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
    // A profile without spares of its own: that of the other has to go.
    const slot = slots.admit('q');
    await Promise.resolve();
    expect([pool.readyCount, slots.free, slots.outlook()]).toEqual([0, -1, 'full']);
    gone();
    expect(await slot).toMatchObject({ profile: 'q' });
  });

  test('are handed out once each, and refilled on claim', async () => {
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
    expect(started.slice(2).every(({ ended }) => ended)).toBe(true);
    expect(started.slice(0, 2).some(({ ended }) => ended)).toBe(false);
  });

  test('that do not start are told to all who wait, and to who comes while it lasts', async () => {
    const error = new HearthError('agent_start_failed', 'no licence');
    const { pool } = world(5, 1, () => Promise.reject(error));
    const waiting = [pool.obtain(), pool.obtain()];
    for (const taker of waiting) await expect(taker).rejects.toBe(error);
    expect(pool.failure).toBe(error);
    await expect(pool.obtain()).rejects.toBe(error);
    await pool.stop();
  });

  test('of which one did not start are no reason to turn anybody away: once is an accident, twice is none', async () => {
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

  test('that start well and die at once are not started again at the pace of whoever comes', async () => {
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

  test('are there for all although one session cannot be resumed, however often that is tried', async () => {
    const { pool } = world(5, 0);
    for (let time = 0; time < 5; time += 1)
      pool.noteFailure(new HearthError('agent_start_failed', 'a transcript nobody can read'));
    expect(pool.isBackingOff).toBe(false);
    expect(await pool.obtain()).toMatchObject({ agent: { pid: 1 } });
    expect(pool.failure).toBeUndefined();
    await pool.stop();
  });

  test('that did not start are tried again by themselves, each time', async () => {
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

  test('that are ready are handed out although a resume failed, and one start more tells that starts go well', async () => {
    const { pool, slots, started } = world(5, 1);
    pool.fill();
    await pool.settled();
    pool.noteFailure(new HearthError('agent_start_failed', 'a transcript nobody can read'));
    expect([pool.failure, pool.readyCount]).toEqual([undefined, 1]);
    const slot = await slots.admit('p');
    expect(slot?.spare).toBe(started[0]);
    await expect.poll(() => pool.failure).toBeUndefined();
    await pool.stop();
  });

  test('are none of a profile that keeps none: a failed resume is forgotten all the same', async () => {
    const { pool } = world(5, 0);
    pool.noteFailure(new HearthError('agent_start_failed', 'just now'));
    await expect.poll(() => pool.failure).toBeUndefined();
    pool.noteFailure(new HearthError('agent_start_failed', 'just now'));
    pool.noteSuccess();
    expect(pool.failure).toBeUndefined();
    await pool.stop();
  });

  test('that are starting when the pool stops are ended, too', async () => {
    let arrive: (agent: Agent) => void = () => undefined;
    const { pool } = world(5, 1, () => new Promise((resolve) => (arrive = resolve)));
    pool.fill();
    const agent = fakeAgent(1);
    const stopped = pool.stop();
    arrive(agent);
    await stopped;
    expect(agent.ended).toBe(true);
  });

  test('come back to the pool when nobody used them', async () => {
    const { pool, slots } = world(3, 1);
    pool.fill();
    await pool.settled();
    const slot = await slots.admit('p');
    expect(slot?.spare).toBeDefined();
    if (slot !== undefined) slots.leave(slot);
    expect(pool.readyCount).toBeGreaterThan(0);
    await pool.stop();
  });
});

describe('slots', () => {
  test('are never more than there are: spares give way to sessions', async () => {
    const { pool, slots, started } = world(2, 2);
    pool.fill();
    await pool.settled();
    const [first, second, third] = [await slots.admit('p'), await slots.admit('p'), await slots.admit('p')];
    expect([first?.spare?.pid, second?.spare?.pid, third]).toEqual([1, 2, undefined]);
    expect(started).toHaveLength(2);
    expect(slots.outlook()).toBe('full');
    await pool.stop();
  });

  test('of spares that two profiles share count once', async () => {
    const { pool, pools, slots } = world(4, 2);
    pools.set('alias', pool);
    pool.fill();
    await pool.settled();
    expect(slots.free).toBe(2);
    await pool.stop();
  });

  test('of another profile’s spares are taken before an idle session loses its own', async () => {
    const { pool, slots, started, idle } = world(1, 1);
    pool.fill();
    await pool.settled();
    idle.push({ idleSince: 0, evict: () => Promise.reject(new Error('must not be evicted')) });
    expect(await slots.admit('other')).toBeDefined();
    expect(started[0]?.ended).toBe(true);
    await pool.stop();
  });

  test('of a spare that is just starting are waited for before an idle session loses its own', async () => {
    let ready = (): void => undefined;
    const starting = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const { pool, slots, idle } = world(2, 1, async () => {
      await starting;
      return fakeAgent(1);
    });
    const held = await slots.admit('other');
    idle.push({ idleSince: 0, evict: () => Promise.reject(new Error('must not be evicted')) });
    const admitted = slots.admit('p');
    ready();
    expect(await admitted).toMatchObject({ spare: { pid: 1 } });
    expect(held?.spare).toBeUndefined();
    await pool.stop();
  });

  test('are none while one more agent would not fit into memory, but for those that others make room in', async () => {
    let isShort = false;
    const { pool, slots, started, idle } = world(4, 0, undefined, () => !isShort);
    const held = await slots.admit('p');
    isShort = true;
    pool.fill();
    expect([started.length, slots.outlook(), await slots.admit('p')]).toEqual([0, 'full', undefined]);
    idle.push({
      idleSince: 0,
      evict: async () => {
        if (held !== undefined) slots.leave(held);
        isShort = false;
        return true;
      },
    });
    expect(slots.outlook()).toBe('evictable');
    expect(await slots.admit('p')).toBeDefined();
    await pool.stop();
  });

  test('are freed by evicting the session that has been idle longest', async () => {
    const { slots, idle } = world(2, 0);
    const held = [await slots.admit('p'), await slots.admit('p')];
    const evicted: string[] = [];
    for (const [name, idleSince, at] of [
      ['younger', 20, 0],
      ['older', 10, 1],
    ] as const) {
      const slot = held[at];
      idle.push({
        idleSince,
        evict: async () => {
          evicted.push(name);
          if (slot !== undefined) slots.leave(slot);
          return true;
        },
      });
    }
    expect(slots.outlook()).toBe('evictable');
    expect(await slots.admit('p')).toBeDefined();
    expect(evicted).toEqual(['older']);
  });
});
