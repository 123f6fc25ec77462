import { tmpdir } from 'node:os';
import { profileSchema } from '@hearth/shared';
import { ControlRequests, createLogger, Ringer, SessionLifecycle, type SessionStore } from '@hearth/shared/internal';
import { expect, test, vi } from 'vitest';
import { type TestRedis, withRedis } from '../../../../test/setup/prefix.js';
import type { Slot } from '../../src/pool/occupancy.js';
import { type ActorDeps, SessionActor } from '../../src/session/actor.js';
import type { AgentSupply } from '../../src/session/agent-supply.js';
import { HandOver } from '../../src/session/hand-over.js';
import { type AgentLimits, agentLimitsSchema } from '../../src/session/limits.js';
import { SessionRegistry } from '../../src/session/session-registry.js';
import { type FakeAgent, fakeAgent, finished } from '../support/agents.js';
import { claimSession, storeOf, submitTurn } from '../support/claimed.js';

/** Looks at the log wait until they are released, while they are held. */
function holdLooks(store: SessionStore) {
  const head = store.head.bind(store);
  const waiting: (() => void)[] = [];
  const held = { isHeld: false, looks: 0, release: (): void => undefined };
  held.release = () => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  store.head = async (sessionId) => {
    held.looks += 1;
    if (held.isHeld) await new Promise<void>((resolve) => waiting.push(resolve));
    return head(sessionId);
  };
  return held;
}

interface World {
  actor: SessionActor;
  store: SessionStore;
  looks: ReturnType<typeof holdLooks>;
  /** The slots that were released. */
  released: Slot[];
}

/** The actor of a session that was opened, and claimed under a real fence. `fresh` gives its agents. */
async function withActor(
  given: { fresh?: AgentSupply['fresh']; limits?: Partial<AgentLimits>; note?: string },
  use: (world: World) => Promise<void>,
): Promise<void> {
  await withRedis(async (world: TestRedis) => {
    const store = storeOf(world);
    const ringer = new Ringer(world.redis, store.keys);
    const controls = new ControlRequests(store);
    const registry = new SessionRegistry();
    const log = createLogger('test', 'silent');
    const workerId = 'w-test';
    await new SessionLifecycle(store).open('s', 'default');
    if (given.note !== undefined) await world.redis.hset(store.keys.session('s').session, 'note', given.note);
    const claim = await claimSession(store, workerId);
    const released: Slot[] = [];
    const deps = {
      workerId,
      store,
      controls,
      ringer,
      registry,
      slots: { outlook: () => 'free', release: (slot: Slot) => void released.push(slot) },
      agents: { profile: () => profileSchema.parse({}), fresh: given.fresh },
      handOver: new HandOver({ workerId, workerNumber: 1, store, ringer, registry, log }),
      leftToOthers: { leave: async () => false },
      workspaces: { of: () => tmpdir() },
      limits: agentLimitsSchema.parse(given.limits ?? {}),
      log,
    };
    const slot = { profile: 'default', spare: undefined };
    const actor = new SessionActor('s', claim, slot, deps as unknown as ActorDeps);
    registry.add(actor);
    await use({ actor, store, looks: holdLooks(store), released });
    await ringer.close();
  });
}

/** An actor whose agent has been given a prompt. */
async function withRunningTurn(use: (world: World & { agent: FakeAgent }) => Promise<void>): Promise<void> {
  const agent = fakeAgent(1);
  await withActor({ fresh: async () => ({ agent, warmth: 'cold' }) }, async (world) => {
    await submitTurn(world.store);
    world.actor.start();
    await expect.poll(() => agent.prompts.length).toBe(1);
    await use({ ...world, agent });
  });
}

/** A supply whose agents come one after the other, the last one when `release` is called. */
function heldSupply(...agents: FakeAgent[]) {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const fresh = vi.fn(async () => {
    const agent = agents[fresh.mock.calls.length - 1];
    if (agent === agents.at(-1)) await held;
    if (agent === undefined) throw new Error('no agent is left');
    return { agent, warmth: 'cold' as const };
  });
  return { fresh, release };
}

test('refuses to evict a session whose log is being read', async () => {
  await withActor({}, async ({ actor, looks, released }) => {
    const evictWhileLooking = async (look: number): Promise<boolean> => {
      await expect.poll(() => looks.looks).toBe(look);
      const isIdle = actor.idleSince !== undefined;
      return isIdle || (await actor.evict());
    };
    looks.isHeld = true;
    actor.start();
    expect(await evictWhileLooking(1)).toBe(false);
    looks.release();
    await expect.poll(() => actor.idleSince).toBeDefined();
    actor.wake();
    expect(await evictWhileLooking(2)).toBe(false);
    looks.release();
    await expect.poll(() => actor.idleSince).toBeDefined();
    expect(released).toHaveLength(0);
    expect(await actor.evict()).toBe(true);
    expect(released).toHaveLength(1);
  });
});

test('leaves a turn queued when the worker drains while its agent is acquired', async () => {
  const agent = fakeAgent(1);
  const { fresh, release } = heldSupply(agent);
  await withActor({ fresh }, async ({ actor, store }) => {
    await submitTurn(store);
    actor.start();
    await expect.poll(() => fresh.mock.calls.length).toBe(1);
    const drained = actor.drain();
    release();
    expect(await drained).toEqual({ cutOff: false });
    expect([agent.prompts, agent.isEnded]).toEqual([[], true]);
    expect(await store.turn('s', 1)).toMatchObject({ state: 'queued' });
    expect(await store.head('s')).toMatchObject({ ring: { queue: 'intake' } });
  });
});

test('fails a turn that is killed for its memory during a drain, instead of leaving it to the next owner', async () => {
  await withRunningTurn(async ({ actor, store }) => {
    const drained = actor.drain();
    actor.limitMemory(Number.MAX_SAFE_INTEGER);
    expect(await drained).toEqual({ cutOff: false });
    expect(await store.turn('s', 1)).toMatchObject({ result: { error: { code: 'agent_out_of_memory' } } });
  });
});

test('fails a turn whose agent the kernel killed for its memory, instead of serving it again', async () => {
  await withRunningTurn(async ({ agent, store }) => {
    agent.die({ signal: 'SIGKILL', isOutOfMemory: true });
    await expect
      .poll(() => store.turn('s', 1))
      .toMatchObject({ result: { error: { code: 'agent_out_of_memory', field: 'slots' }, attempt: 1 } });
  });
});

test('gives an owed note to the prompt after a slash command', async () => {
  const agent = fakeAgent(1);
  const fresh = async () => ({ agent, warmth: 'cold' }) as const;
  await withActor({ fresh, note: '[Note]' }, async ({ actor, store }) => {
    await submitTurn(store, '/compact');
    actor.start();
    await expect.poll(() => agent.prompts).toEqual(['/compact']);
    agent.say(finished);
    await submitTurn(store, 'hello');
    actor.wake();
    await expect.poll(() => agent.prompts.at(-1)).toBe('[Note]\n\nhello');
  });
});

test('fails a slash command that was stopped half-way, although the agent reports success', async () => {
  const agent = fakeAgent(1);
  agent.interrupt = async () => agent.say(finished);
  const fresh = async () => ({ agent, warmth: 'cold' }) as const;
  await withActor({ fresh }, async ({ actor, store }) => {
    await submitTurn(store, '/compact');
    actor.start();
    await expect.poll(() => agent.prompts.length).toBe(1);
    actor.interrupt(1);
    await expect.poll(() => store.turn('s', 1)).toMatchObject({ result: { error: { code: 'interrupted' } } });
  });
});

test('fails an interrupted turn as interrupted when the drain deadline passes before its agent stops', async () => {
  await withRunningTurn(async ({ actor, agent, store }) => {
    let interrupts = 0;
    agent.interrupt = async () => {
      interrupts += 1;
      if (interrupts === 2) agent.say({ ...finished, ok: false, stopped: true });
    };
    actor.interrupt(1);
    expect(await actor.abandon()).toEqual({ cutOff: false });
    expect(await store.turn('s', 1)).toMatchObject({ result: { error: { code: 'interrupted' } } });
  });
});

test('reports a begun turn as cut off when the drain deadline passes', async () => {
  await withRunningTurn(async ({ actor, store }) => {
    expect(await actor.abandon()).toEqual({ cutOff: true });
    expect((await store.turn('s', 1))?.result).toBeUndefined();
  });
});

test('ends an agent that was acquired after the session was lost', async () => {
  const [first, second] = [fakeAgent(1), fakeAgent(2)];
  const { fresh, release } = heldSupply(first, second);
  await withActor({ fresh, limits: { maxTurnsPerAgent: 1 } }, async ({ actor, store }) => {
    await submitTurn(store);
    actor.start();
    await expect.poll(() => first.prompts.length).toBe(1);
    first.say(finished);
    await expect.poll(() => fresh.mock.calls.length).toBe(2);
    await actor.drop();
    release();
    await expect.poll(() => second.isEnded).toBe(true);
  });
});

test('hands a closing session over when Redis has lost the closing mark', async () => {
  await withActor({}, async ({ actor, store, looks, released }) => {
    actor.start();
    await expect.poll(() => actor.idleSince).toBeDefined();
    const before = looks.looks;
    await submitTurn(store);
    actor.close();
    await expect.poll(() => released.length).toBe(1);
    expect(looks.looks).toBe(before + 1);
    expect(await store.head('s')).toMatchObject({ seq: 1, ring: { queue: 'intake' } });
  });
});
