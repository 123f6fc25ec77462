import { setTimeout as pause } from 'node:timers/promises';
import type { HistoryRecord } from '../checker/records.js';
import { type FaultKind, faultKind, type Hit, victim } from './fault.js';

const down = (name: string, how: 'stop' | 'kill', leases: number, weight: number): FaultKind =>
  faultKind(
    name,
    weight,
    () => ({}),
    async ({ stage, leaseTtlMs }) =>
      stage.alone(async (): Promise<Hit> => {
        const at = Date.now();
        await stage.redis.bounce(how, Math.round(leases * leaseTtlMs));
        return { did: 1, at, away: 'redis' };
      }),
  );

const full = faultKind(
  'Redis refuses writes for a moment',
  0.7,
  (random) => ({ leases: 0.1 + 0.4 * random.next() }),
  async ({ stage, leaseTtlMs }, { leases }) =>
    stage.alone(async (): Promise<Hit> => {
      const at = Date.now();
      return { did: await stage.redis.beFull(leases * leaseTtlMs), at, away: 'redis' };
    }),
);

/** Writes that were acknowledged and never reached the replica. */
const isAcknowledged = (record: HistoryRecord): boolean =>
  record.kind === 'accepted' || record.kind === 'ended' || (record.kind === 'owner' && record.workerId !== '');

/** Shortly before its lease ends: another worker takes over while the replica gets no more writes. */
const untilTaken = 0.95;

const failedOver = faultKind(
  'a replica without the last moments is promoted',
  1,
  // Shorter than a lease, so that owners live whose claims are lost; or longer, so that no lease is left.
  (random) => ({ which: random.next(), kills: random.chance(0.7), leases: 0.2 + random.next() }),
  async (scene, { which, kills, leases }) =>
    scene.stage.alone(async (): Promise<Hit> => {
      const { stage, recorder, leaseTtlMs } = scene;
      const replica = await stage.redis.replica();
      const worker = kills ? await victim(scene, which) : undefined;
      worker?.kill();
      if (worker !== undefined) await pause(untilTaken * leaseTtlMs);
      await stage.redis.cutOff(replica);
      const at = Date.now();
      const before = recorder.records.length;
      await pause(leases * leaseTtlMs);
      const did = recorder.records.slice(before).filter(isAcknowledged).length;
      await stage.redis.failOver(replica);
      return { did, at, away: 'redis' };
    }),
);

export const ofRedis: readonly FaultKind[] = [
  down('Redis is restarted', 'stop', 0.1, 1.5),
  down('Redis is killed', 'kill', 0.1, 1.5),
  down('Redis is away for longer than a lease', 'kill', 1.3, 0.7),
  full,
  failedOver,
];
