import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../../support/random.js';
import type { TroubleProxy } from '../stage/proxy.js';
import { type FaultKind, faultKind, found, type Hit, type Scene, victim } from './fault.js';

interface Way {
  /** The proxy of a worker, or that of all producers. */
  isWorkers: boolean;
  which: number;
}
const aWay = (random: Random): Way => ({ isWorkers: random.chance(0.7), which: random.next() });

/** A fault of one connection to Redis. `away`: what a worker lacks during that time. */
const onTheWay = <D extends object>(
  name: string,
  weight: number,
  draw: (random: Random) => D,
  trouble: (proxy: TroubleProxy, drawn: D, scene: Scene) => Promise<Pick<Hit, 'did' | 'away'>>,
): FaultKind =>
  faultKind<D & Way>(
    name,
    weight,
    (random) => ({ ...aWay(random), ...draw(random) }),
    async (scene, drawn) => {
      const worker = drawn.isWorkers ? await victim(scene, drawn.which) : undefined;
      const at = Date.now();
      const proxy = worker?.proxy ?? scene.stage.producerProxy;
      const hit = await trouble(proxy, drawn, scene);
      return worker === undefined ? { did: hit.did, at } : { ...hit, workerId: worker.workerId, at };
    },
  );

const nothing = (): object => ({});

const cut = onTheWay('connections are cut', 3, nothing, async (proxy) => ({ did: proxy.cut(), away: 'way' }));

const slow = onTheWay(
  'connections are slow',
  2,
  (random) => ({ lateMs: random.between(10, 150), forMs: random.between(500, 2_000) }),
  async (proxy, { lateMs, forMs }) => {
    const before = proxy.troubled;
    proxy.slow(lateMs);
    await pause(forMs);
    proxy.heal();
    return { did: proxy.troubled - before, away: 'worker' };
  },
);

/** After its lease a worker gets another name. */
const halfOpen = (name: string, leases: number, weight: number): FaultKind =>
  faultKind(name, weight, aWay, async (scene, { isWorkers, which }): Promise<Hit | undefined> => {
    const worker = isWorkers ? await victim(scene, which) : undefined;
    const proxy = worker?.proxy ?? scene.stage.producerProxy;
    const at = Date.now();
    const before = proxy.troubled;
    if (leases > 1) worker?.dies(name);
    const workerId = worker?.workerId;
    proxy.halfOpen();
    await pause(leases * scene.leaseTtlMs);
    const did = proxy.troubled - before;
    proxy.heal();
    return workerId === undefined ? { did, at } : { did, at, workerId, away: 'worker' };
  });

/** How long a fault waits for messages to lose, in ms. */
const lossMs = 5_000;

async function until(isSo: () => boolean): Promise<void> {
  for (const startedAt = performance.now(); !isSo() && performance.now() - startedAt < lossMs; ) await pause(10);
}

const repliesDropped = onTheWay(
  'replies are lost',
  3,
  (random) => ({ count: random.between(1, 4) }),
  async (proxy, { count }) => {
    const before = proxy.droppedReplies;
    proxy.dropReplies(count);
    await until(() => proxy.droppedReplies - before >= count);
    proxy.heal();
    return { did: proxy.droppedReplies - before, away: 'way' };
  },
);

const publishesDropped = faultKind(
  'published events are lost',
  2,
  // The last event of a turn is among them: no later event would show the gap.
  (random) => ({ any: random.between(0, 6), endings: random.between(1, 2) }),
  async ({ stage }, drawn) => {
    const proxy = stage.producerProxy;
    const before = proxy.droppedPublishes;
    proxy.dropPublishes(drawn);
    await until(() => proxy.publishesToDrop === 0);
    const did = proxy.droppedPublishes - before;
    proxy.dropPublishes({});
    return { did };
  },
);

/** Users close and reopen a session while its owner is frozen. */
const reopened = faultKind(
  'a session is closed and opened again while its owner sleeps',
  1,
  (random) => ({ which: random.next() }),
  async (scene, { which }): Promise<Hit | undefined> => {
    const { stage, recorder, disposable, leaseTtlMs } = scene;
    const hit = await found(() => {
      const sessionId = disposable[Math.floor(which * disposable.length)] ?? '';
      const owner = recorder.records.findLast((record) => record.kind === 'owner' && record.sessionId === sessionId);
      const worker = stage.up.find(({ workerId }) => owner?.kind === 'owner' && workerId === owner.workerId);
      return worker === undefined || stage.up.length < 2 || worker.isFrozen ? undefined : { sessionId, worker };
    });
    if (hit === undefined) return undefined;
    const { sessionId, worker } = hit;
    const { workerId } = worker;
    const at = Date.now();
    worker.dies(reopened.name);
    worker.freeze();
    const isGone = await stage.producers[0]
      ?.session(sessionId)
      .close({ deadlineMs: 2 * leaseTtlMs })
      // The close takes effect later.
      .catch(() => false);
    recorder.note({ kind: 'closed', at, until: Date.now(), sessionId });
    await pause(leaseTtlMs / 2);
    worker.thaw();
    return { did: isGone ? 1 : 0, workerId, at, away: 'worker' };
  },
);

export const beyondTheLease: FaultKind = halfOpen('connections are half-open beyond the lease', 1.4, 1.5);

export const ofConnections: readonly FaultKind[] = [
  cut,
  slow,
  halfOpen('connections are half-open for a moment', 0.4, 1.5),
  beyondTheLease,
  repliesDropped,
  publishesDropped,
  reopened,
];
