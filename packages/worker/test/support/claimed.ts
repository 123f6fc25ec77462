import {
  type Claim,
  defaultStoreLimits,
  Keys,
  newRingId,
  SessionStore,
  type StoreLimits,
} from '@hearth/shared/internal';
import type { TestRedis } from '../../../../test/setup/prefix.js';

/** A session store with the test's prefix. Queues have the same prefix. */
export function storeOf({ redis, prefix }: TestRedis, limits: Partial<StoreLimits> = {}): SessionStore {
  const keys = new Keys({ keyPrefix: prefix, queuePrefix: prefix });
  return new SessionStore(redis, keys, { ...defaultStoreLimits, ...limits });
}

/** Submits a turn to session `s`. */
export const submitTurn = (store: SessionStore, turnId = 't', profile?: string) =>
  store.submit({
    sessionId: 's',
    turnId,
    request: { prompt: turnId, onInterrupted: 'fail' },
    profile,
    ringId: newRingId(),
  });

/** Claims session `s` for a worker. Fails unless the worker owns it then. */
export async function claimSession(
  store: SessionStore,
  workerId: string,
  { seq = 0, workerNumber = 1, deadFence = '' } = {},
): Promise<Claim> {
  const outcome = await store.claim('s', seq, { workerId, workerNumber }, deadFence);
  if (outcome.kind !== 'mine') throw new Error(`the claim answered ${outcome.kind}`);
  return outcome.claim;
}
