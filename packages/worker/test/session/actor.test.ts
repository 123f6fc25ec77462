import { createLogger, defaultStoreLimits, Keys, profileSchema, SessionStore, SessionWishes } from '@hearth/shared';
import { expect, test, vi } from 'vitest';
import { withRedis } from '../../../../test/setup/prefix.js';
import { SessionActor } from '../../src/session/actor.js';
import { agentLimitsSchema } from '../../src/session/limits.js';

/** A store whose looks at the log wait until they are let go. */
class HeldStore extends SessionStore {
  private letGo: (() => void)[] = [];
  looks = 0;

  override async head(sessionId: string): ReturnType<SessionStore['head']> {
    this.looks += 1;
    await new Promise<void>((resolve) => this.letGo.push(resolve));
    return super.head(sessionId);
  }

  release(): void {
    for (const resolve of this.letGo.splice(0)) resolve();
  }
}

test('a session whose log is being looked at is not idle: nobody may end its agent before it is known whether there is a turn', () =>
  withRedis(async ({ redis, prefix }) => {
    const store = new HeldStore(redis, new Keys({ keyPrefix: prefix, queuePrefix: 'bull' }), defaultStoreLimits);
    const wishes = new SessionWishes(store);
    await wishes.open('s', 'default');
    const claimed = await store.claim('s', 0, { workerId: 'w-test', seat: 1 });
    if (claimed.kind !== 'mine') throw new Error(`the claim answered ${claimed.kind}`);
    const over = vi.fn();
    const unused = (): never => {
      throw new Error('nothing is served here');
    };
    const actor = new SessionActor(
      's',
      claimed.claim,
      { profile: 'default', spare: undefined },
      {
        store,
        wishes,
        workerId: 'w-test',
        workspace: '/nowhere',
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
        onOver: over,
        log: createLogger('test', 'silent'),
      },
    );
    const evictWhileLooking = async (look: number): Promise<boolean> => {
      await expect.poll(() => store.looks).toBe(look);
      const isIdle = actor.idleSince !== undefined;
      return isIdle || (await actor.evict());
    };

    actor.start();
    expect(await evictWhileLooking(1)).toBe(false);
    store.release();
    await expect.poll(() => actor.idleSince).toBeDefined();
    // A doorbell: it may be for a turn.
    actor.wake();
    expect(await evictWhileLooking(2)).toBe(false);
    store.release();
    await expect.poll(() => actor.idleSince).toBeDefined();
    expect(over).not.toHaveBeenCalled();
    expect(await actor.evict()).toBe(true);
    expect(over).toHaveBeenCalledOnce();
  }));
