import { setTimeout as sleep } from 'node:timers/promises';
import {
  Backoff,
  describeError,
  HearthError,
  intakeQueue,
  type Logger,
  type Ring,
  type Ringer,
  workerQueue,
} from '@hearth/shared';
import { type Job, UnrecoverableError } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Slots } from '../pool/slots.js';
import type { Sessions } from '../session/sessions.js';
import type { Admission, Outcome } from './admission.js';
import { QueueReader } from './queue-reader.js';
import type { RawJobs } from './raw-jobs.js';

/** A worker that would have to evict lets others with free slots be faster, ms. */
const evictablePauseMs = 50;
/** How long intake waits before it looks for a slot again when nothing told it, ms. */
const lookForSlotMs = 100;
/**
 * How long a doorbell is kept after something nobody expected, ms: at first, at last, and how long nothing of the kind must happen until
 * it is `firstMs` again: longer than the longest pause, since what never passes happens again after each.
 */
const surprised = { firstMs: 500, atMostMs: 5_000, holdMs: 15_000 };

export interface DoorbellsDeps {
  workerId: string;
  workerNumber: number;
  queuePrefix: string;
  connection: Redis;
  slots: Slots;
  sessions: Sessions;
  ringer: Ringer;
  admission: Admission;
  rawJobs: RawJobs;
  /** The TTL of BullMQ's lock on a job in hand, ms: how long the job of a dead worker stays active, at least. */
  jobLockMs: number;
  log: Logger;
}

/**
 * The worker's two readers: intake, bounded by slots, and its worker queue, bounded by nothing
 * (doorbells of an owned session take no slot from other sessions [P]).
 */
export class Doorbells {
  private readonly intake: QueueReader;
  private readonly own: QueueReader;
  private readonly stopping = new AbortController();
  private readonly surprises = new Backoff(surprised);
  private isLost = false;

  constructor(private readonly deps: DoorbellsDeps) {
    const common = {
      queuePrefix: deps.queuePrefix,
      connection: deps.connection,
      workerId: deps.workerId,
      jobLockMs: deps.jobLockMs,
      log: deps.log,
    };
    this.intake = new QueueReader({
      ...common,
      queueName: intakeQueue,
      mayTake: () => this.slotInSight(),
      onDoorbell: (job, token) => this.handle(job, token, 'intake'),
    });
    this.own = new QueueReader({
      ...common,
      queueName: workerQueue(deps.workerNumber),
      mayTake: async () => !this.isStopping,
      onDoorbell: (job, token) => this.handle(job, token, deps.workerNumber),
    });
  }

  async start(): Promise<void> {
    await Promise.all([this.intake.start(), this.own.start()]);
  }

  /** Takes no doorbell any more. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all([this.intake.stop(), this.own.stop()]);
  }

  /** Resolves when every doorbell that was taken has been dealt with. */
  async finished(): Promise<void> {
    await Promise.all([this.intake.finished(), this.own.finished()]);
  }

  /** The lease is lost: from now on nothing is taken, and no word is said about any job. */
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

  private async slotInSight(): Promise<boolean> {
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

  /** Doorbells of sessions we own need no slot: left standing they would hide those of others behind them. */
  private async nextIsOurs(): Promise<boolean> {
    const sessionId = await this.deps.ringer.nextInIntake().catch(() => undefined);
    return sessionId !== undefined && this.deps.sessions.find(sessionId) !== undefined;
  }

  private async handle(job: Job, token: string, queue: Ring['queue']): Promise<void> {
    const ring = { queue, jobId: job.id ?? '' };
    if (this.isLost) return;
    try {
      const { admission, rawJobs } = this.deps;
      const isTurn = !isDoorbell(job.data);
      const outcome =
        (isTurn ? await rawJobs.serve(job) : job.attemptsMade > 0 ? await rawJobs.again(job) : undefined) ??
        (await admission.receive(job.data, ring));
      if (!this.isLost) await this.conclude(job, token, outcome);
      this.surprises.succeeded();
    } catch (error) {
      if (this.isLost) return;
      if (error instanceof HearthError) {
        this.deps.log.error({ err: error, jobId: job.id, code: error.code }, 'a doorbell failed');
        await job.moveToFailed(new UnrecoverableError(describeError(error)), token, false);
        return;
      }
      // It says nothing of the turn, and a job that failed is tried by nobody: a Redis without memory would cost every prompt that is just due.
      const delayMs = this.surprises.failed();
      this.deps.log.error({ err: error, jobId: job.id, delayMs }, 'a doorbell is put back, for something unexpected');
      await this.conclude(job, token, { kind: 'later', delayMs });
    }
  }

  /** Each doorbell's job ends as its turn ends, so that Bull Board tells the truth. */
  private async conclude(job: Job, token: string, outcome: Outcome): Promise<void> {
    switch (outcome.kind) {
      case 'committed':
        if (outcome.result?.status === 'failed') {
          // A job that failed has no return value: what is told of its turn stands in its progress.
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
        // Kept meanwhile, not delayed in its queue: that goes by the wall clocks of whoever reads it.
        await this.pause(outcome.delayMs);
        if (!this.isLost) await job.moveToWait(token);
    }
  }
}

/** Whatever has no seq brings its own turn. */
const isDoorbell = (data: unknown): boolean => typeof data === 'object' && data !== null && 'seq' in data;

function summary({ result }: Extract<Outcome, { kind: 'committed' }>): object {
  if (result === undefined) return { committed: true };
  const { workerId, pid, warmth, timings, toolCount, costUsd } = result;
  return { workerId, pid, warmth, ...timings, toolCount, costUsd };
}
