import { setTimeout as pause } from 'node:timers/promises';
import type { TurnHandle } from '@hearth/producer';
import { intakeQueue } from '@hearth/shared/internal';
import { Queue } from 'bullmq';
import { expect, test } from 'vitest';
import { withCluster } from '../support/cluster.js';

/** Later than the check of a waiting turn: sweeps find all of them late. */
const waitMs = 2_500;
const slots = 6;
const inflight = 500;
const sessions = 10_000;
const served = 200;

/**
 * Many sessions wait while no worker is there. Their doorbells have to stay bounded, and two workers have to serve them in order. The
 * test ends when the first `served` sessions have two results each.
 */
async function servesPendingInOrder(): Promise<void> {
  await withCluster(async (cluster) => {
    // A machine that is busy with all of them must not make Redis look lost.
    const producer = cluster.producer({ connectTimeoutMs: 60_000 });
    const submit = async (turn: number, count: number): Promise<TurnHandle[]> => {
      const handles: TurnHandle[] = [];
      for (let from = 0; from < count; from += inflight) {
        const some = Array.from({ length: Math.min(inflight, count - from) }, (_, at) => `pending-${from + at}`);
        handles.push(...(await Promise.all(some.map((name) => producer.session(name).prompt(`turn ${turn}`)))));
      }
      return handles;
    };
    const firsts = (await submit(1, sessions)).slice(0, served);
    const seconds = await submit(2, served);
    const submitted = sessions + served;
    const { queuePrefix } = cluster.keys.options;
    const intake = new Queue(intakeQueue, { connection: cluster.redis, prefix: queuePrefix, skipMetasUpdate: true });
    const bells = async (): Promise<number> => {
      const { waiting = 0, prioritized = 0, delayed = 0 } = await intake.getJobCounts();
      return waiting + prioritized + delayed;
    };
    await pause(waitMs);
    expect(await bells()).toBe(submitted);

    const workers = await Promise.all([1, 2].map(() => cluster.worker({ claude: 'fake', slots })));
    let most = 0;
    let isServed = false;
    const counted = (async () => {
      while (!isServed) {
        most = Math.max(most, await bells());
        await pause(50);
      }
    })();
    const results = await Promise.all([...firsts, ...seconds].map((handle) => handle.result()));
    isServed = true;
    await counted;
    await intake.close();

    expect(results.map(({ seq, text }) => ({ seq, text }))).toEqual(
      results.map((_result, at) => ({ seq: at < served ? 1 : 2, text: `Echo: turn ${at < served ? 1 : 2}` })),
    );
    // A turn that a sweep rang again has one doorbell too many until a worker takes the first.
    expect(most).toBeLessThanOrEqual(submitted + 2 * slots);
    // A reader that waits longer than events are kept may miss the begin of a turn, but not its result: the workers log it.
    const begun = workers
      .flatMap(({ log }) => log.filter(({ event, seq }) => event === 'turn.started' && seq === 1))
      .sort((one, other) => one.time - other.time)
      .map((line) => Number(String(line['sessionId']).replace('pending-', '')))
      .filter((session) => session < served);
    expect(begun.toSorted((one, other) => one - other)).toEqual(firsts.map((_first, at) => at));
    // First come, first served, as far as the slots of two workers permit.
    for (const [place, session] of begun.entries()) expect(Math.abs(place - session)).toBeLessThanOrEqual(4 * slots);
  });
}

test(
  '10,000 sessions wait without a worker: their doorbells stay bounded, and two workers serve them in order',
  servesPendingInOrder,
);
