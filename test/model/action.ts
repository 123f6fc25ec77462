import { checkLease } from './upkeep.js';
import type { Worker, World } from './world.js';

/** A step that may happen next, to one of its targets. */
export interface Action {
  name: string;
  weight: number;
  isRare: boolean;
  targets: (world: World) => readonly unknown[];
  /** Returns false when the step is not possible now. */
  run: (world: World, target: unknown) => boolean;
}

export const action = <T>(
  name: string,
  weight: number,
  targets: (world: World) => readonly T[],
  run: (world: World, target: T) => boolean,
): Action => ({ name, weight, isRare: weight < 4, targets, run: run as Action['run'] });

export const each =
  <T>(list: (world: World) => readonly T[], run: (world: World, item: T) => boolean) =>
  (name: string, weight: number): Action =>
    action(name, weight, list, run);

const theOne = [0];
export const once =
  (run: (world: World) => boolean) =>
  (name: string, weight: number): Action =>
    action(name, weight, () => theOne, run);

const workers = (world: World): readonly Worker[] => world.workers;
export const ofWorkers = (run: (world: World, worker: Worker) => boolean) =>
  each(workers, (world, worker) => {
    const moved = run(world, worker);
    if (worker.isLate && worker.state === 'up') checkLease(world, worker);
    return moved;
  });

export const ups = (world: World): number => world.workers.filter(({ state }) => state === 'up').length;
