import { tmpdir } from 'node:os';
import {
  createLogger,
  defaultStoreLimits,
  Keys,
  newRingId,
  profileSchema,
  SessionStore,
  SessionWishes,
} from '@hearth/shared';
import { expect, test, vi } from 'vitest';
import { withRedis } from '../../../../test/setup/prefix.js';
import { type ActorDeps, SessionActor } from '../../src/session/actor.js';
import { agentLimitsSchema } from '../../src/session/limits.js';
import { handAgent } from './agents.js';

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

/** The actor of a session that was opened, and claimed under a real fence. */
async function withActor(
  deps: Partial<ActorDeps>,
  use: (world: { actor: SessionActor; store: HeldStore }) => Promise<void>,
): Promise<void> {
  await withRedis(async ({ redis, prefix }) => {
    const store = new HeldStore(redis, new Keys({ keyPrefix: prefix, queuePrefix: 'bull' }), defaultStoreLimits);
    const wishes = new SessionWishes(store);
    await wishes.open('s', 'default');
    const claimed = await store.claim('s', 0, { workerId: 'w-test', seat: 1 });
    if (claimed.kind !== 'mine') throw new Error(`the claim answered ${claimed.kind}`);
    const actor = new SessionActor(
      's',
      claimed.claim,
      { profile: 'default', spare: undefined },
      {
        store,
        wishes,
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
  let left: unknown[] = [];
  const handOver: ActorDeps['handOver'] = async (release) => {
    const released = await release();
    if (released.kind === 'ok') left = released.left.map(({ seq }) => seq);
  };
  await withActor({ obtainAgent, handOver }, async ({ actor, store }) => {
    const request = { prompt: 'x', onInterrupted: 'fail' as const };
    await store.submit({ sessionId: 's', turnId: 't', request, profile: undefined, ringId: newRingId() });
    actor.start();
    await expect.poll(() => obtainAgent.mock.calls.length).toBe(1);
    const drained = actor.drain();
    meet();
    await drained;
    expect([agent.prompts, agent.isEnded, left]).toEqual([[], true, [1]]);
    expect(await store.turn('s', 1)).toMatchObject({ state: 'queued' });
  });
});
