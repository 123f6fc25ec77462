import { defaultStoreLimits, SessionStore, type StoreLimits } from '@hearth/shared';
import type { Cluster } from './cluster.js';

/** A session store whose calls reach no worker: what it stores has to be found. */
export function deafStore({ keys, redis }: Cluster, limits: Partial<StoreLimits> = {}): SessionStore {
  const lost = new Proxy(keys, {
    get: (all, name) => (name === 'wakePrefix' ? 'nobody:' : (Reflect.get(all, name) as unknown)),
  });
  return new SessionStore(redis, lost, { ...defaultStoreLimits, ...limits });
}
