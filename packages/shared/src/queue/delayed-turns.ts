import type { Job } from 'bullmq';
import { errorOfLine, HearthError } from '../errors/hearth-error.js';
import { cancelledError, turnGone } from '../errors/session-errors.js';
import { type TurnJob, turnJobSchema, turnRequestOf } from '../schema/turn-job.js';
import { DelayedNotes } from '../store/delayed-notes.js';
import { newRingId, type Ring } from '../store/ring.js';
import type { SessionStore } from '../store/session-store.js';
import type { Ringer } from './ringer.js';

const inIntake = (jobId: string): Ring => ({ queue: 'intake', jobId });

/** Turns that are not due yet: their raw jobs, and the notes that lead to these. Stateless. */
export class DelayedTurns {
  private readonly notes: DelayedNotes;

  constructor(
    private readonly store: SessionStore,
    private readonly ringer: Ringer,
  ) {
    this.notes = new DelayedNotes(store);
  }

  /** Adds the raw job of a turn. A turn that has a job keeps it, and `isNew` is false. */
  async post(
    sessionId: string,
    job: TurnJob & { turnId: string },
    options: { delayMs: number; priority?: number | undefined },
  ): Promise<{ ring: Ring; isNew: boolean }> {
    const fresh = newRingId();
    const jobId = await this.notes.note(sessionId, job.turnId, fresh, options.delayMs);
    // Adds the noted job even when another caller noted it, because that caller may have died before it added the job.
    const ring = inIntake(jobId);
    await this.ringer.post(ring, job, { ...options, postedAt: await this.store.nowMs() });
    return { ring, isNew: jobId === fresh };
  }

  async find(sessionId: string, turnId: string): Promise<Ring | undefined> {
    const jobId = await this.notes.find(sessionId, turnId);
    return jobId === undefined ? undefined : inIntake(jobId);
  }

  /** Fails a delayed turn in its session's log, so that its waiters get the outcome, and removes its job. False: no such turn. */
  async refuse(sessionId: string, turnId: string, error: HearthError): Promise<boolean> {
    const ring = await this.find(sessionId, turnId);
    if (ring === undefined) return false;
    const job = await this.ringer.job(ring);
    if (job !== undefined) await this.submitRefused(sessionId, turnId, job, error);
    await this.ringer.remove(ring);
    await this.notes.remove(sessionId, turnId, ring.jobId);
    return job !== undefined;
  }

  /** Fails all delayed turns of a session. */
  async refuseAll(sessionId: string, error: HearthError): Promise<void> {
    for (const turnId of await this.notes.turnIds(sessionId)) await this.refuse(sessionId, turnId, error);
  }

  /** The error of a delayed turn that never comes, because its job ended or is gone and its session does not know it. */
  async lost(sessionId: string, turnId: string, ring: Ring): Promise<HearthError | undefined> {
    if (await this.ringer.isOpen(ring)) return undefined;
    if ((await this.store.seqOf(sessionId, turnId)) !== undefined) return undefined;
    const job = await this.ringer.job(ring);
    if (job === undefined) return cancelledError('its job was removed, or its session was closed');
    return job.failedReason ? errorOfLine(job.failedReason) : turnGone(sessionId, turnId);
  }

  private async submitRefused(sessionId: string, turnId: string, job: Job, error: HearthError): Promise<void> {
    const turn = turnJobSchema.parse(job.data);
    try {
      await this.store.submit({
        sessionId,
        turnId,
        request: turnRequestOf(turn, job.opts.priority),
        profile: turn.profile,
        ringId: newRingId(),
        isSingleTurn: turn.sessionId === undefined,
        refusedWith: error,
      });
    } catch (reason) {
      // The session is over. The waiters find that the job is gone.
      const isOver =
        reason instanceof HearthError && (reason.code === 'session_closing' || reason.code === 'session_gone');
      if (!isOver) throw reason;
    }
  }
}
