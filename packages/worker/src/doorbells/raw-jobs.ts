import { createHash } from 'node:crypto';
import { type Doorbell, doorbellSchema, HearthError, type TurnJob, turnIdSchema, turnJobSchema } from '@hearth/shared';
import {
  cancelledError,
  checkPrompt,
  DelayedNotes,
  expiredError,
  formatRing,
  type Logger,
  newRingId,
  parseInput,
  type Ring,
  type Ringer,
  type SessionStore,
  type SubmitInput,
  type Submitted,
  singleTurnSessionId,
  turnDoorbell,
  turnGone,
  turnRequestOf,
} from '@hearth/shared/internal';
import type { Job } from 'bullmq';
import type { Admission, JobOutcome } from './admission.js';
import type { CommitWatch } from './commit-watch.js';

/** A job whose session has too many waiting turns, or is being closed, is tried again after so many ms. */
const againMs = 500;

export interface RawJobsDeps {
  store: SessionStore;
  ringer: Ringer;
  commits: CommitWatch;
  admission: Admission;
  log: Logger;
}

/**
 * Serves turns that any BullMQ client added to `turns` as jobs of their own. A turn is submitted to its session's log, then served like
 * any other, with its job as its doorbell. The job stays active until the turn commits, and holds no slot. Owns nothing.
 *
 * A raw job that is active waits for no other job of intake, because a limit on the queue's concurrency may keep that job waiting. A job
 * that comes again remembers in its progress to which incarnation of the session its turn was submitted: closing the session cancels the
 * turn, and submitted again it would open the session once more.
 */
export class RawJobs {
  constructor(private readonly deps: RawJobsDeps) {}

  /** @throws HearthError `invalid_job` | `invalid_prompt` | `prompt_too_large` | `profile_mismatch` | `session_busy` | `session_gone` | `expired` */
  async serve(job: Job): Promise<JobOutcome> {
    return this.serveTurn(job, parseInput(turnJobSchema, job.data, 'invalid_job', 'data'));
  }

  /**
   * Serves a doorbell that failed with its turn and was retried by hand. The turn has its one result, so its prompt is submitted anew as
   * the session's next turn, or to a new session when the old one was for one turn. Undefined: the turn did not fail.
   *
   * @throws HearthError as {@link serve}, `turn_gone`
   */
  async retried(job: Job): Promise<JobOutcome | undefined> {
    const { sessionId, seq, turnId, profile } = parseInput(doorbellSchema, job.data, 'invalid_job', 'data');
    const before = await this.deps.store.turn(sessionId, seq);
    if (before?.turnId !== turnId) throw turnGone(sessionId, turnId);
    if (before.result?.status !== 'failed') return undefined;
    const { prompt, metadata, onInterrupted } = before.request;
    const where = (await this.deps.store.isSingleTurn(sessionId)) ? { profile } : { sessionId };
    return this.serveTurn(job, { ...where, turnId, prompt, metadata, onInterrupted });
  }

  private async serveTurn(job: Job, turn: TurnJob): Promise<JobOutcome> {
    const turnId = turnIdOf(job, turn);
    const sessionId = turn.sessionId ?? singleTurnSessionId(turnId);
    const before = submittedBefore(job);
    if (before !== undefined && (await this.deps.store.incarnation(sessionId)) !== before) throw sessionClosed();
    const submitted = await this.admit(job, turn, sessionId, turnId);
    if (submitted === undefined) return { kind: 'later', delayMs: againMs };
    const { seq, doorbell, incarnation } = submitted;
    if (before === undefined) await job.updateProgress({ submittedTo: incarnation, attempt: job.attemptsMade });
    this.deps.log.info({ event: 'job.admitted', sessionId, seq, turnId, jobId: job.id }, 'job admitted');
    if (submitted.ring.queue === 'intake' && submitted.state !== 'committed') {
      const outcome = await this.deps.admission.receive(doorbell, ringOf(job));
      if (outcome.kind !== 'done_elsewhere') return outcome;
      // A doorbell in intake may have to wait until this job is not active.
      if (outcome.rung === 'intake') return { kind: 'later', delayMs: againMs };
    }
    const end = await this.deps.commits.committed(sessionId, seq);
    if (end.kind === 'gone') throw sessionClosed();
    // The next worker that takes the job finds the same turn.
    return end.kind === 'stopped' ? { kind: 'later', delayMs: 0 } : end;
  }

  /** Submits the job's turn and rings it. Undefined: not now. A job that comes again after its worker died is the same turn. */
  private async admit(
    job: Job,
    turn: TurnJob,
    sessionId: string,
    turnId: string,
  ): Promise<(Submitted & { doorbell: Doorbell }) | undefined> {
    const { profile, onBusy } = turn;
    const request = turnRequestOf(turn, job.opts.priority);
    const input: SubmitInput = {
      sessionId,
      turnId,
      request,
      profile,
      ringId: newRingId(),
      expiresInMs: await this.timeLeft(job, turn),
      isSingleTurn: turn.sessionId === undefined,
      broughtBy: ringOf(job),
      onBusy,
    };
    try {
      const submitted = await this.submit(input).catch((error: unknown) => this.refuse(turn, input, error));
      const doorbell = turnDoorbell({ sessionId, turnId, seq: submitted.seq, profile: submitted.profile, request });
      // Rung again after the death of a worker, it is the same job, because the log keeps the ring.
      const isOwn = formatRing(submitted.ring) === formatRing(ringOf(job));
      if (submitted.state !== 'committed' && !isOwn)
        await this.deps.ringer.ring(submitted.ring, doorbell, request.priority);
      await this.forgetNote(job, sessionId, turnId);
      return { ...submitted, doorbell };
    } catch (error) {
      if (isForNow(error)) return undefined;
      if (isFinal(error)) await this.forgetNote(job, sessionId, turnId);
      throw error;
    }
  }

  /** Removes the note of a delayed prompt, because its session's log knows the turn now, or refused it. */
  private async forgetNote(job: Job, sessionId: string, turnId: string): Promise<void> {
    if (job.opts.delay) await new DelayedNotes(this.deps.store).remove(sessionId, turnId, job.id ?? '');
  }

  /**
   * What is left of `expiresIn`, ms, counted from when the job was due. Its date is by Redis' clock when the library added it, otherwise by
   * its adder's. A job retried by hand has all of `expiresIn` again.
   */
  private async timeLeft(job: Job, { expiresIn }: TurnJob): Promise<number | undefined> {
    if (expiresIn === undefined || job.attemptsMade > 0) return expiresIn;
    return job.timestamp + (job.opts.delay ?? 0) + expiresIn - (await this.deps.store.nowMs());
  }

  private async submit(input: SubmitInput): Promise<Submitted> {
    const { sessionId, turnId, request, expiresInMs } = input;
    // A turn that was submitted in time has its deadline in the log, or has begun.
    const isLate = expiresInMs !== undefined && expiresInMs <= 0;
    if (isLate && (await this.deps.store.seqOf(sessionId, turnId)) === undefined) throw expiredError(turnId);
    checkPrompt(request.prompt);
    return this.deps.store.submit(input);
  }

  /** Writes the refusal into the session's log, because a caller that named the turnId may wait for the turn. */
  private async refuse(turn: TurnJob, input: SubmitInput, error: unknown): Promise<Submitted> {
    if (!isFinal(error) || turn.turnId === undefined) throw error;
    return this.deps.store.submit({ ...input, refusedWith: error });
  }
}

const sessionClosed = (): HearthError => cancelledError('its session was closed');

/** The incarnation that has, or had, the turn of this attempt of the job. Undefined: its turn was not submitted yet. */
function submittedBefore({ progress, attemptsMade }: Job): string | undefined {
  const { submittedTo, attempt } = Object(progress) as { submittedTo?: string; attempt?: number };
  return attempt === attemptsMade ? submittedTo : undefined;
}

const ringOf = (job: Job): Ring => ({ queue: 'intake', jobId: job.id ?? '' });

const isForNow = (error: unknown): boolean =>
  error instanceof HearthError && (error.code === 'backlog_full' || error.code === 'session_closing');

/** Whether the turn is refused for good. Errors that are not Hearth's say nothing about the turn, so its job comes again. */
const isFinal = (error: unknown): error is HearthError => error instanceof HearthError && !isForNow(error);

const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 24);

/** The turnId of a job: the same when the job stalled, another when it was retried by hand. */
function turnIdOf(job: Job, { turnId }: TurnJob): string {
  if (turnId !== undefined) {
    if (job.attemptsMade === 0) return turnId;
    const next = `${turnId}+${job.attemptsMade}`;
    return turnIdSchema.safeParse(next).success ? next : `j-${shortHash(turnId)}-${job.attemptsMade}`;
  }
  return `j-${shortHash(`${job.queueName}\n${job.id ?? ''}\n${job.timestamp}`)}-${job.attemptsMade}`;
}
