import {
  defaultStoreLimits,
  newRingId,
  type Ring,
  Ringer,
  SessionStore,
  type StoreLimits,
} from '@hearth/shared/internal';
import type { Cluster } from './cluster.js';

/** A session store whose messages reach no worker: workers have to find what it stores. */
export function deafStore({ keys, redis }: Cluster, limits: Partial<StoreLimits> = {}): SessionStore {
  const lost = new Proxy(keys, {
    get: (all, name) => (name === 'wakePrefix' ? 'unheard:' : (Reflect.get(all, name) as unknown)),
  });
  return new SessionStore(redis, lost, { ...defaultStoreLimits, ...limits });
}

/** Submits a turn as producers do, without the message to its owner: only its doorbell brings it. */
export async function submitUncalled(
  cluster: Cluster,
  { sessionId, turnId, prompt }: { sessionId: string; turnId: string; prompt: string },
  limits: Partial<StoreLimits> = {},
): Promise<Ring> {
  const ringer = new Ringer(cluster.redis, cluster.keys);
  try {
    const request = { prompt, onInterrupted: 'fail' } as const;
    const turn = { sessionId, turnId, profile: undefined };
    const { ring, ...known } = await deafStore(cluster, limits).submit({ ...turn, request, ringId: newRingId() });
    await ringer.ring(ring, { ...turn, seq: known.seq, profile: known.profile, preview: '' });
    return ring;
  } finally {
    await ringer.close();
  }
}
