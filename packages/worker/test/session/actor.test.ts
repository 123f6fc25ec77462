import { tmpdir } from 'node:os';
import {
  ControlRequests,
  createLogger,
  defaultStoreLimits,
  Keys,
  newRingId,
  profileSchema,
  SessionStore,
} from '@hearth/shared';
import { expect, test, vi } from 'vitest';
import { withRedis } from '../../../../test/setup/prefix.js';
import { type ActorDeps, SessionActor } from '../../src/session/actor.js';
import { agentLimitsSchema } from '../../src/session/limits.js';
import { answered, type HandAgent, handAgent } from './agents.js';

/** A store whose looks at the log wait until they are let go, if they are to. */
class HeldStore extends SessionStore {
  private letGo: (() => void)[] = [];
  isHeld = false;
  looks = 0;

  override async head(sessionId: string): ReturnType<SessionStore['head']> {
    this.looks += 1;
    if (this.isHeld) await new Promise<void>((resolve) => this.letGo.push(resolve));
    return super.head(sessionId);
  }

  release(): void {
    for (const resolve of this.letGo.splice(0)) resolve();
  }
}

const unused = (): never => {
  throw new Error('nobody should ask for this');
};

const submit = async (store: SessionStore): Promise<void> => {
  const request = { prompt: 'x', onInterrupted: 'fail' as const };
  await store.submit({ sessionId: 's', turnId: 't', request, profile: undefined, ringId: newRingId() });
};

/** Releases the lock, and notes the turns that are left. */
function handingOver() {
  const left: { seq: number; wasBegun: boolean }[] = [];
  const handOver: ActorDeps['handOver'] = async (release, begunSeq) => {
    const released = await release();
    if (released.kind !== 'ok') return;
    left.push(...released.left.map(({ seq }) => ({ seq, wasBegun: seq === begunSeq })));
  };
  return { handOver, left };
}

/** The actor of a session that was opened, and claimed under a real fence. */
async function withActor(
  deps: Partial<ActorDeps>,
  use: (world: { actor: SessionActor; store: HeldStore }) => Promise<void>,
): Promise<void> {
  await withRedis(async ({ redis, prefix }) => {
    const store = new HeldStore(redis, new Keys({ keyPrefix: prefix, queuePrefix: 'bull' }), defaultStoreLimits);
    const controls = new ControlRequests(store);
    await controls.open('s', 'default');
    const claimed = await store.claim('s', 0, { workerId: 'w-test', workerNumber: 1 });
    if (claimed.kind !== 'mine') throw new Error(`the claim answered ${claimed.kind}`);
    const actor = new SessionActor(
      's',
      claimed.claim,
      { profile: 'default', spare: undefined },
      {
        store,
        controls,
        workerId: 'w-test',
        workspace: tmpdir(),
        limits: agentLimitsSchema.parse({}),
        policy: profileSchema.parse({}),
        obtainAgent: unused,
        resumeAgent: unused,
        othersCanServe: unused,
        othersWait: unused,
        discard: unused,
        showRaw: unused,
        handOver: unused,
        letGo: unused,
        onOver: () => undefined,
        log: createLogger('test', 'silent'),
        ...deps,
      },
    );
    await use({ actor, store });
  });
}

/** An actor whose agent has a prompt in its hands. */
async function withRunningTurn(
  use: (world: {
    actor: SessionActor;
    agent: HandAgent;
    left: ReturnType<typeof handingOver>['left'];
    store: SessionStore;
  }) => Promise<void>,
): Promise<void> {
  const agent = handAgent(1);
  const { handOver, left } = handingOver();
  const obtainAgent = async () => ({ agent, warmth: 'cold' as const });
  await withActor({ obtainAgent, handOver }, async ({ actor, store }) => {
    await submit(store);
    actor.start();
    await expect.poll(() => agent.prompts.length).toBe(1);
    await use({ actor, agent, left, store });
  });
}

test('a session whose log is being looked at is not idle: nobody may end its agent before it is known whether there is a turn', async () => {
  const onOver = vi.fn();
  await withActor({ onOver }, async ({ actor, store }) => {
    const evictWhileLooking = async (look: number): Promise<boolean> => {
      await expect.poll(() => store.looks).toBe(look);
      const isIdle = actor.idleSince !== undefined;
      return isIdle || (await actor.evict());
    };
    store.isHeld = true;
    actor.start();
    expect(await evictWhileLooking(1)).toBe(false);
    store.release();
    await expect.poll(() => actor.idleSince).toBeDefined();
    // A doorbell: it may be for a turn.
    actor.wake();
    expect(await evictWhileLooking(2)).toBe(false);
    store.release();
    await expect.poll(() => actor.idleSince).toBeDefined();
    expect(onOver).not.toHaveBeenCalled();
    expect(await actor.evict()).toBe(true);
    expect(onOver).toHaveBeenCalledOnce();
  });
});

test('a turn whose agent is still being met when the worker drains is not begun: it goes to the next owner as it is', async () => {
  const agent = handAgent(1);
  let meet = (): void => undefined;
  const met = new Promise<void>((resolve) => {
    meet = resolve;
  });
  const obtainAgent = vi.fn(async () => {
    await met;
    return { agent, warmth: 'cold' as const };
  });
  const { handOver, left } = handingOver();
  await withActor({ obtainAgent, handOver }, async ({ actor, store }) => {
    await submit(store);
    actor.start();
    await expect.poll(() => obtainAgent.mock.calls.length).toBe(1);
    const drained = actor.drain();
    meet();
    await drained;
    expect([agent.prompts, agent.isEnded, left]).toEqual([[], true, [{ seq: 1, wasBegun: false }]]);
    expect(await store.turn('s', 1)).toMatchObject({ state: 'queued' });
  });
});

test('a turn that is killed for its memory while the worker drains fails with that: the next owner would only repeat it', async () => {
  await withRunningTurn(async ({ actor, agent, left, store }) => {
    const drained = actor.drain();
    actor.noteMemory(agent.pid, Number.MAX_SAFE_INTEGER);
    await drained;
    expect(left).toEqual([]);
    expect(await store.turn('s', 1)).toMatchObject({ result: { error: { code: 'agent_out_of_memory' } } });
  });
});

test('a turn that somebody has stopped is over, also when the time of a drain is before its agent says so', async () => {
  await withRunningTurn(async ({ actor, agent, left, store }) => {
    let asked = 0;
    agent.interrupt = async () => {
      asked += 1;
      if (asked === 2) agent.say({ ...answered, ok: false, stopped: true });
    };
    actor.interrupt(1);
    await actor.abandon();
    expect(left).toEqual([]);
    expect(await store.turn('s', 1)).toMatchObject({ result: { error: { code: 'interrupted' } } });
  });
});

test('a turn that was begun here and is cut off by a drain is left as one that was', async () => {
  await withRunningTurn(async ({ actor, left }) => {
    await actor.abandon();
    expect(left).toEqual([{ seq: 1, wasBegun: true }]);
  });
});

test('an agent that is met when the session is lost already, to go on after a spent one, does not stay', async () => {
  const [first, second] = [handAgent(1), handAgent(2)];
  let meet = (): void => undefined;
  const met = new Promise<void>((resolve) => {
    meet = resolve;
  });
  const obtainAgent = vi.fn(async () => {
    if (obtainAgent.mock.calls.length === 1) return { agent: first, warmth: 'cold' as const };
    await met;
    return { agent: second, warmth: 'cold' as const };
  });
  const limits = agentLimitsSchema.parse({ maxTurnsPerAgent: 1 });
  await withActor({ obtainAgent, limits }, async ({ actor, store }) => {
    await submit(store);
    actor.start();
    await expect.poll(() => first.prompts.length).toBe(1);
    first.say(answered);
    await expect.poll(() => obtainAgent.mock.calls.length).toBe(2);
    await actor.fencedOut();
    meet();
    await expect.poll(() => second.isEnded).toBe(true);
  });
});

test('a session that nobody closes any more, since Redis forgot it, is handed over: it was looked at without end', async () => {
  const { handOver, left } = handingOver();
  await withActor({ handOver }, async ({ actor, store }) => {
    actor.start();
    await expect.poll(() => actor.idleSince).toBeDefined();
    const { looks } = store;
    await submit(store);
    actor.close();
    await expect.poll(() => left).toEqual([{ seq: 1, wasBegun: false }]);
    expect(store.looks).toBe(looks + 1);
  });
});
