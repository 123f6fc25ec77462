import { writeSync } from 'node:fs';

/** How long a pipe that is full and does not block is left alone, ms. */
const retryMs = 1;

/**
 * Writes all of it before it returns, however slowly it is read: `process.stdout` would keep it in memory when its pipe is
 * full, and an exit would lose it. And a flooded stderr stands still, as the hazard wants it.
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

/** Sleeps without letting anything else happen. */
export function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
