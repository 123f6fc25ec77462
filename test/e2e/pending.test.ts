import { setTimeout as pause } from 'node:timers/promises';
import type { TurnHandle } from '@hearth/producer';
import { intakeQueue } from '@hearth/shared';
import { Queue } from 'bullmq';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';

/** The long way: HEARTH_TEST_PENDING=10000 HEARTH_TEST_PENDING_MS=600000. */
const sessions = Number(process.env['HEARTH_TEST_PENDING'] ?? 60);
const waitMs = Number(process.env['HEARTH_TEST_PENDING_MS'] ?? 1_000);
const turnsEach = 2;
const places = 6;
const inflight = 200;

test(
  `${sessions} sessions wait while no worker is there: their doorbells stay bounded, and two workers drain them in order`,
  async () => {
    await withCluster(async (cluster) => {
      const producer = cluster.producer();
      const handles: TurnHandle[] = [];
      for (let turn = 1; turn <= turnsEach; turn += 1) {
        for (let from = 0; from < sessions; from += inflight) {
          const some = Array.from({ length: Math.min(inflight, sessions - from) }, (_, at) => `pending-${from + at}`);
          handles.push(...(await Promise.all(some.map((name) => producer.session(name).prompt(`turn ${turn}`)))));
        }
      }
      const { keyPrefix: _, queuePrefix } = cluster.keys.options;
      const intake = new Queue(intakeQueue, { connection: cluster.redis, prefix: queuePrefix, skipMetasUpdate: true });
      const bells = async (): Promise<number> => {
        const { waiting = 0, prioritized = 0, delayed = 0 } = await intake.getJobCounts();
        return waiting + prioritized + delayed;
      };
      await pause(waitMs);
      expect(await bells()).toBe(sessions * turnsEach);

      await Promise.all([1, 2].map(() => cluster.worker({ claude: 'fake', places })));
      let most = 0;
      let isDrained = false;
      const counted = (async () => {
        while (!isDrained) {
          most = Math.max(most, await bells());
          await pause(50);
        }
      })();
      const begun: number[] = [];
      const results = await Promise.all(
        handles.map(async (handle, at) => {
          for await (const { type } of handle) if (type === 'turn.started') begun.push(at);
          return handle.result();
        }),
      );
      isDrained = true;
      await counted;
      await intake.close();

      expect(results.map(({ seq, text }) => ({ seq, text }))).toEqual(
        handles.map((_handle, at) => {
          const turn = Math.floor(at / sessions) + 1;
          return { seq: turn, text: `Echo: turn ${turn}` };
        }),
      );
      // Rung again by a sweep, a turn has a doorbell too many until somebody takes the first.
      expect(most).toBeLessThanOrEqual(sessions * turnsEach + 2 * places);
      expect(begun).toHaveLength(sessions * turnsEach);
      // First come, first served, as far as the places of two workers let one look.
      const firsts = begun.filter((at) => at < sessions);
      for (const [place, at] of firsts.entries()) expect(Math.abs(place - at)).toBeLessThanOrEqual(4 * places);
    });
  },
  60_000 + 10 * waitMs + sessions * 1_000,
);
