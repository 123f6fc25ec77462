import { writeSync } from 'node:fs';

/** The pause before a full non-blocking pipe is tried again, ms. */
const retryMs = 1;

/**
 * Writes everything before it returns, however slowly the reader reads. `process.stdout` would keep it in memory when the pipe is full, and
 * an exit would lose it. A flooded stderr blocks the process, as the hazard requires.
 */
export function writeBlocking(fd: 1 | 2, data: string | Uint8Array): void {
  let rest = typeof data === 'string' ? Buffer.from(data) : data;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      pause(retryMs);
    }
  }
}

/** Blocks the process. */
export function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
