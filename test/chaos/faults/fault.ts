import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../../support/random.js';
import type { FaultSeen } from '../checker/records.js';
import type { Load } from '../load/load.js';
import type { Recorder } from '../recorder.js';
import type { Stage } from '../stage/stage.js';
import type { WorkerProcess } from '../stage/worker-process.js';

/** What a fault may lay hands on. */
export interface Scene {
  stage: Stage;
  load: Load;
  recorder: Recorder;
  leaseTtlMs: number;
  /** Sessions with turns that must not be missed when they are closed. */
  disposable: readonly string[];
}

/** What a fault came to: whom it hit, how often it had an effect, and what was away meanwhile. */
export type Hit = Omit<FaultSeen, 'kind' | 'at' | 'until' | 'what' | 'drawn'> & { at?: number; until?: number };

/** One fault as the seed drew it. */
export interface Fault {
  name: string;
  /** What was drawn for it; what it hits among those that are there when its time has come, too (from 0 up to 1). */
  drawn: object;
  /** Something goes wrong; resolves when it is over. Undefined: there was nothing it could have hit. */
  play(scene: Scene): Promise<Hit | undefined>;
}

export interface FaultKind {
  name: string;
  weight: number;
  /** From the seed alone: what the cluster does meanwhile shifts nothing. */
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

/** Whom a fault was to hit may be gone before it is: so often it is played again. */
const triesAllowed = 3;

/** Plays it and writes it down. */
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

/** How long a fault waits for something it can hit, ms; Redis may just be away. */
const patienceMs = 15_000;

/** What a fault is to hit, as soon as it is there. */
export async function found<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T | undefined> {
  for (const startedAt = performance.now(); performance.now() - startedAt < patienceMs; await pause(20)) {
    const there = await look();
    if (there !== undefined) return there;
  }
  return undefined;
}

/** One of a list, by a number from 0 up to 1. */
export const nth = <T>(list: readonly T[], which: number): T | undefined => list[Math.floor(which * list.length)];

/** One of the workers that serve, unless it is the last that does. */
export function victim({ stage }: Scene, which: number): Promise<WorkerProcess | undefined> {
  return found(() => {
    const serving = stage.up.filter(({ isFrozen }) => !isFrozen);
    return serving.length < 2 ? undefined : nth(serving, which);
  });
}
