import type { WorkerProcess } from './worker-process.js';

/** Workers whose agents no process has ended yet, in the order of their start. As soon as a worker with that home serves, none is left. */
export const stillOwed = (workers: readonly Pick<WorkerProcess, 'home' | 'workerId' | 'owesHome'>[]): string[] =>
  workers.flatMap(({ home, workerId, owesHome }, at) => {
    const hasHeir = workers.slice(at + 1).some((heir) => heir.home === home && heir.workerId !== '');
    return owesHome && workerId !== '' && !hasHeir ? [workerId] : [];
  });
