import { type FaultKind, faultKind } from './fault.js';

const down = (name: string, how: 'stop' | 'kill', leases: number, weight: number): FaultKind =>
  faultKind(
    name,
    weight,
    () => ({}),
    async ({ stage, leaseTtlMs }) =>
      stage.alone(async () => {
        const at = Date.now();
        await stage.redis.bounce(how, Math.round(leases * leaseTtlMs));
        return { did: 1, at, away: 'redis' as const };
      }),
  );

export const ofRedis: readonly FaultKind[] = [
  down('Redis is restarted', 'stop', 0.1, 1.5),
  down('Redis is killed', 'kill', 0.1, 1.5),
  down('Redis is away for longer than a lease', 'kill', 1.3, 0.7),
];
