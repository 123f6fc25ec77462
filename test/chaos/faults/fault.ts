import type { Random } from '../../support/random.js';
import type { Load } from '../load/load.js';
import type { Recorder } from '../recorder.js';
import type { Stage } from '../stage/stage.js';
import type { WorkerProcess } from '../stage/worker-process.js';

/** What a fault may lay hands on. */
export interface Scene {
  stage: Stage;
  load: Load;
  recorder: Recorder;
  random: Random;
  leaseTtlMs: number;
  /** Sessions with turns that must not be missed when they are closed. */
  disposable: readonly string[];
}

/** Something that goes wrong; resolves when it is over. */
export interface FaultKind {
  name: string;
  weight: number;
  run(scene: Scene): Promise<void>;
}

/** One of the workers that serve; undefined while there is but one that does. */
export function victim({ stage, random }: Scene): WorkerProcess | undefined {
  const serving = stage.up.filter(({ isFrozen }) => !isFrozen);
  return serving.length < 2 ? undefined : random.pick(serving);
}

/** How long it takes everybody to be as before after an owner was lost, ms. */
export const recoveryMs = (leaseTtlMs: number): number => leaseTtlMs + 6_000;
