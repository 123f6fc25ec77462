import { createHash } from 'node:crypto';
import {
  cancelledError,
  checkPrompt,
  DelayedNotes,
  doorbellSchema,
  expiredError,
  HearthError,
  type Logger,
  newRingId,
  parseInput,
  promptPreview,
  type Ringer,
  type SessionStore,
  type SubmitInput,
  type Submitted,
  type TurnJob,
  turnGone,
  turnIdSchema,
  turnJobSchema,
  turnRequestOf,
} from '@hearth/shared';
import type { Job } from 'bullmq';
import type { Outcome } from './admission.js';
import type { CommitWatch } from './commit-watch.js';

/** A job whose session has too many turns waiting, or is just being closed, is looked at again after so many ms. */
const againMs = 500;

export interface RawJobsDeps {
  store: SessionStore;
  ringer: Ringer;
  commits: CommitWatch;
  log: Logger;
}

/**
 * Turns that came as jobs of their own: added to `turns` by any BullMQ client. Each is admitted to its session's log, then
 * served like any other; its job stays active, holding no slot, until the turn commits. Owns nothing.
 */
export class RawJobs {
  constructor(private readonly deps: RawJobsDeps) {}

  /** @throws HearthError `invalid_job` | `invalid_prompt` | `prompt_too_large` | `profile_mismatch` | `session_busy` | `session_gone` | `expired` */
  async serve(job: Job): Promise<Outcome> {
    return this.serveTurn(job, parseInput(turnJobSchema, job.data, 'invalid_job', 'data'));
  }

  /**
   * A doorbell that failed with its turn and was retried by hand: the turn has its one result, so its prompt is submitted anew, as the
   * session's next turn; to a session of its own when that one was for one turn. Undefined: its turn did not fail.
   * @throws HearthError as {@link serve}, `turn_gone`
   */
  async again(job: Job): Promise<Outcome | undefined> {
    const { sessionId, seq, turnId, profile } = parseInput(doorbellSchema, job.data, 'invalid_job', 'data');
    const before = await this.deps.store.turn(sessionId, seq);
    if (before?.turnId !== turnId) throw turnGone(sessionId, turnId);
    if (before.result?.status !== 'failed') return undefined;
    const { prompt, metadata, onInterrupted } = before.request;
    const where = (await this.deps.store.isForOneTurn(sessionId)) ? { profile } : { sessionId };
    return this.serveTurn(job, { ...where, turnId, prompt, metadata, onInterrupted });
  }

  private async serveTurn(job: Job, turn: TurnJob): Promise<Outcome> {
    const turnId = turnIdOf(job, turn);
    const sessionId = turn.sessionId ?? sessionForOne(turnId);
    const submitted = await this.admit(job, turn, sessionId, turnId);
    if (submitted === undefined) return { kind: 'later', delayMs: againMs };
    this.deps.log.info({ sessionId, seq: submitted.seq, turnId, jobId: job.id }, 'job admitted');
    const ending = await this.deps.commits.committed(sessionId, submitted.seq);
    if (ending.kind === 'gone') throw cancelledError('its session was closed');
    // Whoever takes the job next finds the same turn.
    return ending.kind === 'stopped' ? { kind: 'later', delayMs: 0 } : ending;
  }

  /** Undefined: not now. A job that comes again after its worker died is the same turn. */
  private async admit(job: Job, turn: TurnJob, sessionId: string, turnId: string): Promise<Submitted | undefined> {
    const { prompt, profile, onBusy } = turn;
    const request = turnRequestOf(turn, job.opts.priority);
    const input: SubmitInput = {
      sessionId,
      turnId,
      request,
      profile,
      ringId: newRingId(),
      expiresInMs: timeLeft(job, turn),
      once: turn.sessionId === undefined,
      broughtBy: { queue: 'intake', jobId: job.id ?? '' },
      onBusy,
    };
    try {
      const submitted = await this.submit(input).catch((error: unknown) => this.refuse(turn, input, error));
      const doorbell = {
        sessionId,
        turnId,
        seq: submitted.seq,
        profile: submitted.profile,
        preview: promptPreview(prompt),
      };
      // Ring again after a death it is one job all the same: the log keeps the ring.
      if (submitted.state !== 'committed') await this.deps.ringer.ring(submitted.ring, doorbell, request.priority);
      await this.forgetNote(job, sessionId, turnId);
      return submitted;
    } catch (error) {
      if (isForNow(error)) return undefined;
      if (isFinal(error)) await this.forgetNote(job, sessionId, turnId);
      throw error;
    }
  }

  /** A delayed prompt was found by a note until now: from here on its session knows it, or nobody does. */
  private async forgetNote(job: Job, sessionId: string, turnId: string): Promise<void> {
    if (job.opts.delay) await new DelayedNotes(this.deps.store).forget(sessionId, turnId, job.id ?? '');
  }

  private async submit(input: SubmitInput): Promise<Submitted> {
    const { sessionId, turnId, request, expiresInMs } = input;
    // One that was admitted in time keeps its deadline in the log, or has begun.
    const isLate = expiresInMs !== undefined && expiresInMs <= 0;
    if (isLate && (await this.deps.store.seqOf(sessionId, turnId)) === undefined) throw expiredError(turnId);
    checkPrompt(request.prompt);
    return this.deps.store.submit(input);
  }

  /** Whoever gave a turn its turnId may wait for it: its session's log tells him why it is never served. */
  private async refuse(turn: TurnJob, input: SubmitInput, error: unknown): Promise<Submitted> {
    if (!isFinal(error) || turn.turnId === undefined) throw error;
    return this.deps.store.submit({ ...input, refusedWith: error });
  }
}

const isForNow = (error: unknown): boolean =>
  error instanceof HearthError && (error.code === 'backlog_full' || error.code === 'session_closing');

/** The turn is refused for good: whatever is no error of ours says nothing of it, and its job comes again. */
const isFinal = (error: unknown): error is HearthError => error instanceof HearthError && !isForNow(error);

const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 24);

/** So that a stalled job is the same turn, and one retried by hand another. */
function turnIdOf(job: Job, { turnId }: TurnJob): string {
  if (turnId !== undefined) {
    if (job.attemptsMade === 0) return turnId;
    const next = `${turnId}+${job.attemptsMade}`;
    return turnIdSchema.safeParse(next).success ? next : `j-${shortHash(turnId)}-${job.attemptsMade}`;
  }
  return `j-${shortHash(`${job.queueName}\n${job.id ?? ''}\n${job.timestamp}`)}-${job.attemptsMade}`;
}

/** A prompt without a session gets one of its own, which a resend finds again. */
const sessionForOne = (turnId: string): string => `once-${shortHash(turnId)}`;

/** What is left of `expiresIn`: counted from when the job was due, by the clock of whoever added it; one retried by hand has all of it again. */
function timeLeft(job: Job, { expiresIn }: TurnJob): number | undefined {
  if (expiresIn === undefined || job.attemptsMade > 0) return expiresIn;
  return job.timestamp + (job.opts.delay ?? 0) + expiresIn - Date.now();
}
