import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { type FaultKind, faultKind, type Hit, nth, victim } from './fault.js';

/** Vitest runs this file from its source; a producer in a process of its own needs the build. */
const built = import.meta.url.endsWith('.ts') ? '../../dist' : '../..';
const submitAndDie = fileURLToPath(new URL(`${built}/fixtures/submit-and-die.js`, import.meta.url));

const producerDied = faultKind(
  'a producer is killed between submit and ring',
  1,
  (random) => ({ which: random.next() }),
  async ({ stage, load }, { which }): Promise<Hit | undefined> => {
    const { sessionIds } = stage.settings;
    const sessionId = nth(sessionIds, which) ?? '';
    const died = await load.askElsewhere(sessionId, async (turnId, prompt) => {
      const env = { ...process.env, ...stage.producerEnv };
      const { signal } = await execa(process.execPath, [submitAndDie, sessionId, turnId, prompt], {
        env,
        reject: false,
      });
      return signal === 'SIGKILL';
    });
    return { did: died ? 1 : 0, sessionId };
  },
);

const noWorker = faultKind(
  'no worker is there for a while',
  0.7,
  (random) => ({ forMs: random.between(1_000, 4_000) }),
  async ({ stage }, { forMs }) => stage.alone(async (): Promise<Hit> => ({ did: await stage.without(forMs) })),
);

/** The time within which a sweep rings the sessions of a dead owner, in ms. */
const untilRungMs = 1_000;

/** The rings to a dead worker, and those by the workers that find it dead, are lost as well. */
const bellsRemoved = faultKind(
  'doorbells are removed from the queues',
  1,
  (random) => ({ which: random.next() }),
  async (scene, { which }): Promise<Hit | undefined> => {
    const { stage, leaseTtlMs } = scene;
    const worker = await victim(scene, which);
    if (worker === undefined) return undefined;
    worker.kill();
    const at = Date.now();
    let did = 0;
    // Redis itself may be unavailable.
    for (; Date.now() - at < leaseTtlMs + untilRungMs; await pause(20)) did += await stage.removeBells().catch(() => 0);
    return { did, at, workerId: worker.workerId, away: 'bells' };
  },
);

export const ofQueues: readonly FaultKind[] = [producerDied, noWorker, bellsRemoved];
