// The public surface of @hearth/worker: one worker and its options. What other packages of this repository use is in internal.ts.
export { readProfiles, type WorkerOptions } from './options.js';
export { type StopReport, Worker } from './worker.js';
