import { randomBytes } from 'node:crypto';
import { intakeQueue, stickyQueue } from '../keys.js';

/** Where and under which job id a turn was last rung: written `<seat or 'intake'>/<job id>`. */
export interface Ring {
  seat: number | 'intake';
  jobId: string;
}

export const formatRing = (ring: Ring): string => `${ring.seat}/${ring.jobId}`;

export function parseRing(text: string): Ring {
  const slash = text.indexOf('/');
  const seat = text.slice(0, slash);
  return { seat: seat === 'intake' ? 'intake' : Number(seat), jobId: text.slice(slash + 1) };
}

export const queueOfRing = (ring: Ring): string => (ring.seat === 'intake' ? intakeQueue : stickyQueue(ring.seat));

/** A fresh job id for a doorbell. Never made from session and seq: an add under a used id is silently nothing. */
export const newRingId = (): string => `r${randomBytes(12).toString('hex')}`;
