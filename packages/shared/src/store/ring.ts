import { randomBytes } from 'node:crypto';
import { intakeQueue, workerQueue } from '../keys.js';

/** Queue and job id of a doorbell. Written `<worker number or 'intake'>/<job id>`. */
export interface Ring {
  queue: number | 'intake';
  jobId: string;
}

export const formatRing = (ring: Ring): string => `${ring.queue}/${ring.jobId}`;

export function parseRing(text: string): Ring {
  const slash = text.indexOf('/');
  const queue = text.slice(0, slash);
  return { queue: queue === 'intake' ? 'intake' : Number(queue), jobId: text.slice(slash + 1) };
}

export const queueOfRing = (ring: Ring): string => (ring.queue === 'intake' ? intakeQueue : workerQueue(ring.queue));

/** A fresh job id for a doorbell. Not derived from session and seq, because BullMQ ignores an add under a used id. */
export const newRingId = (): string => `r${randomBytes(12).toString('hex')}`;
