import { setTimeout as pause } from 'node:timers/promises';
import type { TroubleProxy } from '../stage/proxy.js';
import { type FaultKind, recoveryMs, type Scene, victim } from './fault.js';
import { note } from './of-workers.js';

const redisDown = (name: string, how: 'stop' | 'kill', leases: number, weight: number): FaultKind => ({
  name,
  weight,
  async run(scene) {
    const downMs = Math.round(leases * scene.leaseTtlMs);
    note(scene, name, { forMs: downMs + recoveryMs(scene.leaseTtlMs) + 2_000 });
    await scene.stage.redis.bounce(how, downMs);
  },
});

/** Trouble of one way to Redis: a worker's, or that of all producers. */
const onTheWay = (
  name: string,
  weight: number,
  trouble: (proxy: TroubleProxy, scene: Scene) => Promise<number | undefined>,
): FaultKind => ({
  name,
  weight,
  async run(scene) {
    const worker = scene.random.chance(0.7) ? victim(scene) : undefined;
    const proxy = worker?.proxy ?? scene.stage.producerProxy;
    const at = Date.now();
    const lostMs = await trouble(proxy, scene);
    const of = worker === undefined ? {} : { workerId: worker.workerId };
    scene.recorder.note({ kind: 'fault', at, what: name, ...of, until: Date.now() + (lostMs ?? 1_500) });
  },
});

const cut = onTheWay('connections are cut', 3, async (proxy) => {
  proxy.cut();
  return undefined;
});

const slow = onTheWay('connections are slow', 2, async (proxy, { random }) => {
  proxy.slow(random.between(10, 150));
  await pause(random.between(500, 2_000));
  proxy.heal();
  return undefined;
});

const halfOpen = (name: string, leases: number): FaultKind =>
  onTheWay(name, 1.5, async (proxy, { leaseTtlMs }) => {
    proxy.halfOpen();
    await pause(leases * leaseTtlMs);
    proxy.heal();
    return leases > 0.7 ? recoveryMs(leaseTtlMs) : 2_000;
  });

const repliesDropped = onTheWay('replies are lost', 3, async (proxy, { random }) => {
  proxy.dropReplies(random.between(1, 4));
  await pause(300);
  proxy.heal();
  return undefined;
});

const publishesDropped: FaultKind = {
  name: 'published events are lost',
  weight: 2,
  async run(scene) {
    note(scene, this.name);
    scene.stage.producerProxy.dropPublishes({ any: scene.random.between(0, 6), endings: 2 });
  },
};

/** Its users close a session and open it again, while its owner sleeps. */
const reopened: FaultKind = {
  name: 'a session is closed and opened again while its owner sleeps',
  weight: 1,
  async run(scene) {
    const { stage, random, recorder, disposable, leaseTtlMs } = scene;
    if (disposable.length === 0) return;
    const sessionId = random.pick(disposable);
    const owner = recorder.records.findLast((record) => record.kind === 'owner' && record.sessionId === sessionId);
    const worker = stage.up.find(({ workerId }) => owner?.kind === 'owner' && workerId === owner.workerId);
    if (worker === undefined || stage.up.length < 2) return;
    const forMs = recoveryMs(leaseTtlMs) + 2 * leaseTtlMs;
    note(scene, this.name, { workerId: worker.workerId, isDeath: true, forMs });
    worker.freeze();
    recorder.note({ kind: 'closed', sessionId });
    const producer = stage.producers[0];
    await producer
      ?.session(sessionId)
      .close({ deadlineMs: 2 * leaseTtlMs })
      .catch(() => undefined);
    await pause(leaseTtlMs / 2);
    worker.thaw();
  },
};

export const ofConnections: readonly FaultKind[] = [
  redisDown('Redis is restarted', 'stop', 0.1, 1.5),
  redisDown('Redis is killed', 'kill', 0.1, 1.5),
  redisDown('Redis is away for longer than a lease', 'kill', 1.3, 0.7),
  cut,
  slow,
  halfOpen('connections are half-open for a moment', 0.4),
  halfOpen('connections are half-open beyond the lease', 1.4),
  repliesDropped,
  publishesDropped,
  reopened,
];
