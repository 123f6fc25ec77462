import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, HearthError } from '@hearth/shared';
import { Backoff, intakeQueue, type Logger, type Ring, type Ringer, workerQueue } from '@hearth/shared/internal';
import { type Job, type KeepJobs, UnrecoverableError } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Slots } from '../pool/slots.js';
import type { SessionRegistry } from '../session/session-registry.js';
import type { Admission, JobOutcome } from './admission.js';
import { QueueReader } from './queue-reader.js';
import type { RawJobs } from './raw-jobs.js';

/** A worker that would have to evict a session waits so long, so that workers with free slots are faster, ms. */
const evictablePauseMs = 50;
/** How often a full worker checks for a slot again, ms. */
const lookForSlotMs = 100;
/**
 * How long a doorbell is kept after an unexpected error, ms. `holdMs` exceeds the longest pause, because a lasting error happens again
 * after each pause and must not reset the back-off.
 */
const unexpectedErrors = { firstMs: 500, atMostMs: 5_000, holdMs: 15_000 };

export interface DoorbellsDeps {
  workerId: string;
  workerNumber: number;
  queuePrefix: string;
  connection: Redis;
  slots: Slots;
  registry: SessionRegistry;
  ringer: Ringer;
  admission: Admission;
  rawJobs: RawJobs;
  /** Which ended raw jobs stay in Redis, of those whose adder does not say. */
  rawJobsKept: KeepJobs;
  /** The TTL of BullMQ's lock on an active job, ms. The job of a dead worker stays active at least so long. */
  jobLockMs: number;
  log: Logger;
}

/**
 * Takes doorbells from the intake queue, bounded by slots, and from the worker queue, without a bound, because doorbells of owned
 * sessions take no slot from other sessions. Ends each doorbell's job as its turn ends.
 */
export class Doorbells {
  private readonly intake: QueueReader;
  private readonly own: QueueReader;
  private readonly stopping = new AbortController();
  private readonly errors = new Backoff(unexpectedErrors);
  private isLost = false;

  constructor(private readonly deps: DoorbellsDeps) {
    this.intake = new QueueReader({
      ...deps,
      queueName: intakeQueue,
      kept: deps.rawJobsKept,
      mayTake: () => this.waitForSlot(),
      onDoorbell: (job, token) => this.handle(job, token, 'intake'),
    });
    this.own = new QueueReader({
      ...deps,
      queueName: workerQueue(deps.workerNumber),
      mayTake: async () => !this.isStopping,
      onDoorbell: (job, token) => this.handle(job, token, deps.workerNumber),
    });
  }

  async start(): Promise<void> {
    await Promise.all([this.intake.start(), this.own.start()]);
  }

  /** Takes no more doorbells. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all([this.intake.stop(), this.own.stop()]);
  }

  /** Resolves when every doorbell that was taken is handled. */
  async finished(): Promise<void> {
    await Promise.all([this.intake.finished(), this.own.finished()]);
  }

  /** The lease is lost: takes no doorbell and changes no job from now on. */
  abandon(): void {
    this.stopping.abort();
    this.isLost = true;
    this.intake.abandon();
    this.own.abandon();
  }

  private get isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  private async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }

  /** False when the worker stops. */
  private async waitForSlot(): Promise<boolean> {
    while (!this.isStopping) {
      const outlook = this.deps.slots.outlook();
      if (outlook === 'evictable') {
        await this.pause(evictablePauseMs);
        return !this.isStopping;
      }
      if (outlook === 'free' || (await this.nextIsOurs())) return true;
      await this.pause(lookForSlotMs);
    }
    return false;
  }

  /** Doorbells of sessions this worker owns need no slot. Left in the queue, they would hide the doorbells behind them. */
  private async nextIsOurs(): Promise<boolean> {
    const sessionId = await this.deps.ringer.nextInIntake().catch(() => undefined);
    return sessionId !== undefined && this.deps.registry.find(sessionId) !== undefined;
  }

  private async handle(job: Job, token: string, queue: Ring['queue']): Promise<void> {
    const ring = { queue, jobId: job.id ?? '' };
    if (this.isLost) return;
    try {
      const outcome = await this.outcomeOf(job, ring);
      if (!this.isLost) await this.conclude(job, token, outcome);
      this.errors.succeeded();
    } catch (error) {
      if (this.isLost) return;
      if (error instanceof HearthError) {
        const { code } = error;
        this.deps.log.error({ event: 'doorbell.failed', err: error, jobId: job.id, code }, 'a doorbell failed');
        await job.moveToFailed(new UnrecoverableError(describeError(error)), token, false);
        return;
      }
      // The error says nothing about the turn, and BullMQ does not retry a failed job. A Redis without memory would fail every prompt.
      const delayMs = this.errors.failed();
      const fields = { event: 'doorbell.requeued', err: error, jobId: job.id, delayMs };
      this.deps.log.error(fields, 'an unexpected error; the doorbell goes back to its queue');
      await this.conclude(job, token, { kind: 'later', delayMs });
    }
  }

  private async outcomeOf(job: Job, ring: Ring): Promise<JobOutcome> {
    const { admission, rawJobs } = this.deps;
    if (!isDoorbell(job.data)) return rawJobs.serve(job);
    const retried = job.attemptsMade > 0 ? await rawJobs.retried(job) : undefined;
    return retried ?? admission.receive(job.data, ring);
  }

  /** Ends the job as its turn ended, so that Bull Board shows the truth. */
  private async conclude(job: Job, token: string, outcome: JobOutcome): Promise<void> {
    switch (outcome.kind) {
      case 'committed':
        if (outcome.result?.status === 'failed') {
          // A failed job has no return value, so the summary of its turn goes into the progress.
          await job.updateProgress(summary(outcome));
          await job.moveToFailed(new UnrecoverableError(describeError(outcome.result.error)), token, false);
        } else await job.moveToCompleted(summary(outcome), token, false);
        return;
      case 'done_elsewhere':
        await job.moveToCompleted({ moved: outcome.why }, token, false);
        return;
      case 'back':
        await job.moveToWait(token);
        return;
      case 'later':
        // The job stays active during the pause. A delay in the queue would depend on the wall clocks of the workers.
        await this.pause(outcome.delayMs);
        if (!this.isLost) await job.moveToWait(token);
    }
  }
}

/** A job without `seq` brings its own turn. */
const isDoorbell = (data: unknown): boolean => typeof data === 'object' && data !== null && 'seq' in data;

function summary({ result }: Extract<JobOutcome, { kind: 'committed' }>): object {
  if (result === undefined) return { committed: true };
  const { workerId, pid, warmth, timings, toolCount, costUsd } = result;
  return { workerId, pid, warmth, ...timings, toolCount, costUsd };
}
