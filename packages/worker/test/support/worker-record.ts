import type { WorkerRecord } from '@hearth/shared';

/** A worker that serves, without agents. */
export const workerRecord = (workerId: string, workerNumber = 0): WorkerRecord => ({
  workerId,
  workerNumber,
  host: 'h',
  pid: 1,
  version: '0',
  startedAt: 0,
  state: 'serving',
  slots: { total: 1, spare: 0, busy: 0, idle: 0 },
  profiles: {},
  launches: {},
  agents: [],
});
