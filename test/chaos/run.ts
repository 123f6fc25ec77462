import { setTimeout as pause } from 'node:timers/promises';
import { defaultStoreLimits } from '@hearth/shared/internal';
import { Random } from '../support/random.js';
import { check, type Verdict } from './checker/check.js';
import { allFaults, deadlyFaults } from './faults/all.js';
import { type FaultKind, playFault, type Scene } from './faults/fault.js';
import { planOf } from './faults/plan.js';
import { finish } from './finish.js';
import { Load } from './load/load.js';
import { hugeLine, hungKinds, turnKinds } from './load/turn-kinds.js';
import type { Recorder } from './recorder.js';
import { watchPressure } from './stage/pressure.js';
import { Stage } from './stage/stage.js';

export interface RunSettings {
  seed: number;
  folder: string;
  recorder: Recorder;
  workers: number;
  slots: number;
  sessions: number;
  leaseTtlMs: number;
  /** Turns may hang until a watchdog ends them, and print lines above the limit. */
  withHung: boolean;
  /** The time until which faults are drawn, in ms; or these faults, in this order. */
  faults: { forMs: number } | readonly FaultKind[];
  onWorkerLine: (line: string) => void;
  /** Ends the faults; the run completes. */
  signal: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

export interface Progress {
  faults: number;
  turns: number;
  waiting: number;
  workers: number;
}

/** The time limit of the last turns after the last fault, in ms. */
const restMs = 60_000;
/** The session of a dead owner is rung within this time, in ms. */
const sweepMs = 1_000;
/**
 * A start of an agent from its transcript, on an idle machine, in ms: measured as 300 on two cores, and up to 600 when a worker takes
 * several sessions at the same time.
 */
const resumeMs = 800;
/** A waiting turn is checked after this time, in ms. */
const lookAfterMs = 1_000;
/** The maximum pause of ioredis between two attempts to connect, in ms. */
const reconnectMs = 2_000;

/** The maximum difference between two readings of the clock, in ms: the watcher looks every 20. */
const clockMs = 60;

/** The settings that the promises depend on: the first line of a history. */
export function settingsOf({ seed, leaseTtlMs, slots }: Pick<RunSettings, 'seed' | 'leaseTtlMs' | 'slots'>) {
  const { eventsKept, eventsTtlMs } = defaultStoreLimits;
  const promised = { lookAfterMs, leaseTtlMs, sweepMs, resumeMs, reconnectMs, slots, eventsKept, eventsTtlMs };
  return { kind: 'settings' as const, seed, ...promised, clockMs };
}

/** One run: load, faults, rest; then the verdict of the checker. */
export async function run(settings: RunSettings): Promise<Verdict> {
  const random = new Random(settings.seed);
  const { recorder, leaseTtlMs, sessions } = settings;
  recorder.note(settingsOf(settings));
  const sessionIds = Array.from({ length: sessions }, (_, at) => `session-${at + 1}`);
  const stage = await Stage.open({ ...settings, lookAfterMs, sessionIds });
  const stopMeasuring = watchPressure(() => stage.workers.map(({ pid }) => pid), recorder);
  try {
    const kinds = settings.withHung ? [...turnKinds, ...hungKinds, hugeLine] : turnKinds;
    const producers = { caller: stage.producer(), reader: stage.producer() };
    const disposable = sessionIds.slice(-1);
    const shape = { sessionIds, disposable, depth: 3, thinkMs: 1_500, kinds };
    const load = new Load(shape, { ...producers, jobs: stage.jobs() }, recorder, random.fork());
    load.start();
    await stage.start();
    const scene: Scene = { stage, load, recorder, leaseTtlMs, disposable };
    const progress = setInterval(() => settings.onProgress?.(progressOf(scene)), 1_000);
    try {
      await goWrong(scene, random.fork(), settings.faults, settings.signal);
      stage.heal();
      await load.settle(restMs);
    } finally {
      clearInterval(progress);
    }
    await finish(stage, load, recorder);
  } finally {
    await stage.close();
    stopMeasuring();
    for (const { text, pid, at } of await stage.effects()) recorder.note({ kind: 'effect', at, text, pid });
    await recorder.close();
  }
  return check(recorder.records);
}

async function goWrong(
  scene: Scene,
  random: Random,
  faults: RunSettings['faults'],
  signal: AbortSignal,
): Promise<void> {
  if (!('forMs' in faults)) {
    for (const kind of faults) {
      if (signal.aborted) return;
      await pause(random.between(200, 600));
      await playFault(kind.draw(random.fork()), scene);
    }
    return;
  }
  const until = performance.now() + faults.forMs;
  const isOver = (): boolean => performance.now() >= until || signal.aborted;
  for (const { stormMs, hands, alone } of planOf(random, allFaults, deadlyFaults)) {
    const calm = performance.now() + stormMs;
    await Promise.all(
      hands.map(async (hand) => {
        while (!isOver() && performance.now() < calm) {
          const { afterMs, fault } = hand.next().value;
          await pause(afterMs);
          await playFault(fault, scene);
        }
      }),
    );
    for (const fault of alone) {
      if (isOver()) return;
      await quiet(scene);
      await playFault(fault, scene);
    }
    if (isOver()) return;
    await quiet(scene);
  }
}

/** The time until everything works as before after the loss of an owner, in ms. */
const recoveryMs = (leaseTtlMs: number): number => leaseTtlMs + sweepMs + resumeMs;

/** Resolves when every worker serves, and all lost sessions are served again. */
async function quiet({ stage, leaseTtlMs }: Scene): Promise<void> {
  const startedAt = performance.now();
  await pause(recoveryMs(leaseTtlMs));
  while (stage.up.length < stage.settings.workers && performance.now() - startedAt < restMs) await pause(100);
}

function progressOf({ recorder, load, stage }: Scene): Progress {
  const count = (kind: string): number => recorder.records.filter((record) => record.kind === kind).length;
  return { faults: count('fault'), turns: count('accepted'), waiting: load.waiting, workers: stage.up.length };
}
