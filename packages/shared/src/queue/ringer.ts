import type { Job, JobType, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { intakeQueue, type Keys } from '../keys.js';
import { type Doorbell, doorbellJobOptions, turnlessJobOptions } from '../schema/doorbell.js';
import type { TurnJob } from '../schema/turn-job.js';
import { queueOfRing, type Ring } from '../store/ring.js';

/** How far into intake one looks for other sessions: more of one session's own than its backlog limit do not stand there. */
const lookedAt = 25;
/** BullMQ's `ErrorCode.JobBelongsToJobScheduler`. */
const ofItsScheduler = -8;
/** Of so many jobs it is remembered which session they are of: a job may bring a prompt of many megabytes. */
const rememberedAtMost = 1_000;

/** Jobs of a queue: that wait (prioritised ones too), are in hand, are not due yet, and failed. */
export interface QueueDepth {
  name: string;
  waiting: number;
  active: number;
  delayed: number;
  failed: number;
}

/**
 * Rings doorbells: adds the job that says "session S has turn n" to intake or to a worker queue.
 * Owns one BullMQ `Queue` per queue name, all on the connection it is given (which it does not close). BullMQ is loaded at the first
 * ring: a short-lived process whose session has an owner has submitted by then, and is served meanwhile.
 */
export class Ringer {
  private readonly queues = new Map<string, Promise<Queue>>();
  private readonly opened = new Set<Queue>();
  private readonly sessionOfJob = new Map<string, string | undefined>();

  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
  ) {}

  /** Adds the doorbell under the ring's job id; adding the same ring twice is silently one job. */
  async ring(ring: Ring, doorbell: Doorbell, priority?: number): Promise<void> {
    const jobId = ring.jobId;
    const kept = doorbell.seq === 0 ? turnlessJobOptions : doorbellJobOptions;
    const options = { jobId, ...kept, ...(priority === undefined ? {} : { priority }) };
    await (await this.queue(queueOfRing(ring))).add('turn', doorbell, options);
  }

  /** Adds a job that brings its own turn when it is due; adding the same ring twice is silently one job, the first. */
  async post(ring: Ring, job: TurnJob, options: { delayMs: number; priority?: number | undefined }): Promise<void> {
    const { delayMs: delay, priority } = options;
    const common = { jobId: ring.jobId, delay, ...doorbellJobOptions };
    await (await this.queue(queueOfRing(ring))).add(
      'turn',
      job,
      priority === undefined ? common : { ...common, priority },
    );
  }

  /** Removes a ring's job, and leaves one its Job Scheduler still counts from; false when it is being worked on. */
  async remove(ring: Ring): Promise<boolean> {
    const queue = await this.queue(queueOfRing(ring));
    try {
      return (await queue.remove(ring.jobId)) === 1;
    } catch (error) {
      if ((error as { code?: unknown }).code === ofItsScheduler) return true;
      throw error;
    }
  }

  /** The session of the job that whoever reads intake gets next, if it names one. */
  async nextInIntake(): Promise<string | undefined> {
    const [jobId] = await this.firstInIntake(1);
    return jobId === undefined ? undefined : ((await this.sessionOf(jobId)) ?? undefined);
  }

  /** Whether a job of another session waits in intake: looks at the first of those that wait, and of the prioritised ones. */
  async othersWaitInIntake(sessionId: string): Promise<boolean> {
    for (const jobId of await this.firstInIntake(lookedAt)) {
      const found = await this.sessionOf(jobId);
      if (found !== null && found !== sessionId) return true;
    }
    return false;
  }

  /** The first of those that wait, and of the prioritised ones. */
  private async firstInIntake(count: number): Promise<string[]> {
    const queue = await this.queue(intakeQueue);
    const ranges = ['waiting', 'prioritized'].map((type) => queue.getRanges([type as JobType], 0, count - 1, true));
    return (await Promise.all(ranges)).flat();
  }

  /** Undefined: the job names none; null: it is not there any more. */
  private async sessionOf(jobId: string): Promise<string | undefined | null> {
    if (this.sessionOfJob.has(jobId)) return this.sessionOfJob.get(jobId);
    const data = await this.redis.hget((await this.queue(intakeQueue)).toKey(jobId), 'data');
    if (data === null) return null;
    const { sessionId } = JSON.parse(data) as Partial<Doorbell>;
    const [oldest] = this.sessionOfJob.size < rememberedAtMost ? [] : this.sessionOfJob.keys();
    if (oldest !== undefined) this.sessionOfJob.delete(oldest);
    this.sessionOfJob.set(jobId, sessionId);
    return sessionId;
  }

  /** The job of a ring, if BullMQ still has it. */
  async job(ring: Ring): Promise<Job | undefined> {
    return (await this.queue(queueOfRing(ring))).getJob(ring.jobId);
  }

  /** Whether a ring's job is still to be worked on, or is just now. */
  async isOpen(ring: Ring): Promise<boolean> {
    const state = await (await this.queue(queueOfRing(ring))).getJobState(ring.jobId);
    return state !== 'completed' && state !== 'failed' && state !== 'unknown';
  }

  /** How many jobs queues have. */
  async depths(names: readonly string[]): Promise<QueueDepth[]> {
    return Promise.all(
      names.map(async (name) => {
        const counts = await (await this.queue(name)).getJobCounts(
          'waiting',
          'prioritized',
          'active',
          'delayed',
          'failed',
        );
        const { waiting = 0, prioritized = 0, active = 0, delayed = 0, failed = 0 } = counts;
        return { name, waiting: waiting + prioritized, active, delayed, failed };
      }),
    );
  }

  async close(): Promise<void> {
    // Those that are just being opened are not waited for: Redis may be away.
    await Promise.all([...this.opened].map((queue) => queue.close()));
    this.queues.clear();
  }

  private queue(name: string): Promise<Queue> {
    let queue = this.queues.get(name);
    if (queue === undefined) {
      queue = this.open(name);
      this.queues.set(name, queue);
      // It never becomes ready any more: the next ring opens another.
      queue.catch(() => this.queues.delete(name));
    }
    return queue;
  }

  private async open(name: string): Promise<Queue> {
    const bullmq = await import('bullmq');
    const { queuePrefix: prefix } = this.keys.options;
    const queue = new bullmq.Queue(name, { connection: this.redis, prefix, skipMetasUpdate: true });
    // The connection's own errors are reported by its owner; without a listener Node would throw them.
    queue.on('error', () => undefined);
    this.opened.add(queue);
    try {
      await queue.waitUntilReady();
    } catch (error) {
      this.opened.delete(queue);
      await queue.close();
      throw error;
    }
    return queue;
  }
}
