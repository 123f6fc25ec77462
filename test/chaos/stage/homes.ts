import type { WorkerProcess } from './worker-process.js';

/** Workers whose agents nobody has had to end so far, in the order they started: once one with that home serves, nothing of them is left. */
export const stillOwed = (workers: readonly Pick<WorkerProcess, 'home' | 'workerId' | 'owesHome'>[]): string[] =>
  workers.flatMap(({ home, workerId, owesHome }, at) => {
    const hasHeir = workers.slice(at + 1).some((heir) => heir.home === home && heir.workerId !== '');
    return owesHome && workerId !== '' && !hasHeir ? [workerId] : [];
  });
