import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../../support/random.js';
import type { FaultSeen } from '../checker/records.js';
import type { Load } from '../load/load.js';
import type { Recorder } from '../recorder.js';
import type { Stage } from '../stage/stage.js';
import type { WorkerProcess } from '../stage/worker-process.js';

/** The parts of a run that a fault may use. */
export interface Scene {
  stage: Stage;
  load: Load;
  recorder: Recorder;
  leaseTtlMs: number;
  /** Sessions with turns that must not be lost by a close. */
  disposable: readonly string[];
}

/** The result of a fault: which part it hit, the number of its effects, and what was unavailable. */
export type Hit = Omit<FaultSeen, 'kind' | 'at' | 'until' | 'what' | 'drawn'> & { at?: number; until?: number };

/** One fault as drawn from the seed. */
export interface Fault {
  name: string;
  /** The drawn parameters, with the one that selects among the possible targets (from 0 up to 1). */
  drawn: object;
  /** Starts the fault and resolves at its end. Undefined: there was no target. */
  play(scene: Scene): Promise<Hit | undefined>;
}

export interface FaultKind {
  name: string;
  weight: number;
  /** Depends on the seed alone, and not on the state of the cluster. */
  draw(random: Random): Fault;
}

export function faultKind<D extends object>(
  name: string,
  weight: number,
  draw: (random: Random) => D,
  play: (scene: Scene, drawn: D) => Promise<Hit | undefined>,
): FaultKind {
  return {
    name,
    weight,
    draw: (random) => {
      const drawn = draw(random);
      return { name, drawn, play: (scene) => play(scene, drawn) };
    },
  };
}

/** The target of a fault may be gone: it is played again up to this many times. */
const triesAllowed = 3;

/** Plays a fault and records it. */
export async function playFault(fault: Fault, scene: Scene): Promise<void> {
  const { name: what, drawn } = fault;
  for (let tries = 1; ; tries += 1) {
    const at = Date.now();
    const hit = await fault.play(scene).catch((cause: unknown) => {
      throw new Error(`the fault could not be played: ${what}`, { cause });
    });
    scene.recorder.note({ kind: 'fault', at, until: Date.now(), what, drawn, did: 0, ...hit });
    if ((hit?.did ?? 0) > 0 || tries === triesAllowed) return;
  }
}

/** How long a fault waits for a target, in ms: Redis may just be unavailable. */
const patienceMs = 15_000;

/** The target of a fault, as soon as there is one. */
export async function found<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T | undefined> {
  for (const startedAt = performance.now(); performance.now() - startedAt < patienceMs; await pause(20)) {
    const there = await look();
    if (there !== undefined) return there;
  }
  return undefined;
}

/** One element of a list, by a number from 0 up to 1. */
export const nth = <T>(list: readonly T[], which: number): T | undefined => list[Math.floor(which * list.length)];

/** One of the serving workers, unless only one serves. */
export function victim({ stage }: Scene, which: number): Promise<WorkerProcess | undefined> {
  return found(() => {
    const serving = stage.up.filter(({ isFrozen }) => !isFrozen);
    return serving.length < 2 ? undefined : nth(serving, which);
  });
}
