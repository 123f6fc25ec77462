import type { Job, JobsOptions, JobType, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { intakeQueue, type Keys } from '../keys.js';
import { type Doorbell, doorbellJobOptions, turnlessJobOptions } from '../schema/doorbell.js';
import type { TurnJob } from '../schema/turn-job.js';
import { queueOfRing, type Ring } from '../store/ring.js';

/** How many jobs of intake are searched for another session. With more jobs of its own in front, a session does not yield at that check. */
const searchedJobs = 25;
/** BullMQ's `ErrorCode.JobBelongsToJobScheduler`. */
const ofItsScheduler = -8;
/** How many jobs' session ids are cached, because reading a job may fetch a prompt of many megabytes. */
const cachedAtMost = 1_000;

export interface QueueDepth {
  name: string;
  /** Includes prioritised jobs. */
  waiting: number;
  active: number;
  delayed: number;
  failed: number;
}

/** What people can set on a BullMQ queue that keeps its jobs waiting. Empty: nothing is set. */
export interface QueueLimits {
  isPaused?: true;
  /** How many of its jobs may be active at a time, in all workers. */
  concurrency?: number;
  /** At most `max` jobs per `durationMs`. */
  rate?: { max: number; durationMs: number };
}

/**
 * Adds, finds and removes jobs of the intake queue and the worker queues. Owns one BullMQ `Queue` per queue name, all on the given
 * connection, which it does not close. BullMQ is loaded at the first use, so that the submit of a short-lived process does not wait for it.
 */
export class Ringer {
  private readonly queues = new Map<string, Promise<Queue>>();
  private readonly opened = new Set<Queue>();
  private readonly sessionOfJob = new Map<string, string | undefined>();

  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
  ) {}

  /** Adds a doorbell. Adding the same ring twice makes one job. */
  async ring(ring: Ring, doorbell: Doorbell, priority?: number): Promise<void> {
    await this.add(ring, doorbell, doorbell.seq === 0 ? turnlessJobOptions : doorbellJobOptions, priority);
  }

  /**
   * Adds a raw job. Adding the same ring twice makes one job, the first.
   *
   * @param postedAt by Redis' clock, ms since 1970, because BullMQ adds the delay to it. Otherwise the clock of this machine counts
   */
  async post(
    ring: Ring,
    job: TurnJob,
    { delayMs, priority, postedAt }: { delayMs: number; priority?: number | undefined; postedAt: number },
  ): Promise<void> {
    await this.add(ring, job, { timestamp: postedAt, delay: delayMs, ...doorbellJobOptions }, priority);
  }

  private async add(ring: Ring, data: object, options: JobsOptions, priority: number | undefined): Promise<void> {
    const queue = await this.queue(queueOfRing(ring));
    await queue.add('turn', data, { jobId: ring.jobId, ...options, ...(priority === undefined ? {} : { priority }) });
  }

  /** Removes a ring's job, except one that a Job Scheduler still needs. False: a worker is processing the job. */
  async remove(ring: Ring): Promise<boolean> {
    const queue = await this.queue(queueOfRing(ring));
    try {
      return (await queue.remove(ring.jobId)) === 1;
    } catch (error) {
      if ((error as { code?: unknown }).code === ofItsScheduler) return true;
      throw error;
    }
  }

  /** The session of the next job in intake, if the job names one. */
  async nextInIntake(): Promise<string | undefined> {
    const [jobId] = await this.firstInIntake(1);
    return jobId === undefined ? undefined : ((await this.sessionOf(jobId)) ?? undefined);
  }

  /** Whether a job of another session is among the first jobs in intake. */
  async othersWaitInIntake(sessionId: string): Promise<boolean> {
    for (const jobId of await this.firstInIntake(searchedJobs)) {
      const found = await this.sessionOf(jobId);
      if (found !== null && found !== sessionId) return true;
    }
    return false;
  }

  /** The first waiting jobs, then the first prioritised jobs. */
  private async firstInIntake(count: number): Promise<string[]> {
    const queue = await this.queue(intakeQueue);
    const ranges = ['waiting', 'prioritized'].map((type) => queue.getRanges([type as JobType], 0, count - 1, true));
    return (await Promise.all(ranges)).flat();
  }

  /** Undefined: the job names no session. Null: the job is gone. */
  private async sessionOf(jobId: string): Promise<string | undefined | null> {
    if (this.sessionOfJob.has(jobId)) return this.sessionOfJob.get(jobId);
    const data = await this.redis.hget((await this.queue(intakeQueue)).toKey(jobId), 'data');
    if (data === null) return null;
    const { sessionId } = JSON.parse(data) as Partial<Doorbell>;
    const [oldest] = this.sessionOfJob.size < cachedAtMost ? [] : this.sessionOfJob.keys();
    if (oldest !== undefined) this.sessionOfJob.delete(oldest);
    this.sessionOfJob.set(jobId, sessionId);
    return sessionId;
  }

  async job(ring: Ring): Promise<Job | undefined> {
    return (await this.queue(queueOfRing(ring))).getJob(ring.jobId);
  }

  /** Whether a ring's job waits or is being processed. */
  async isOpen(ring: Ring): Promise<boolean> {
    const state = await (await this.queue(queueOfRing(ring))).getJobState(ring.jobId);
    return state !== 'completed' && state !== 'failed' && state !== 'unknown';
  }

  async depths(names: readonly string[]): Promise<QueueDepth[]> {
    return Promise.all(
      names.map(async (name) => {
        const queue = await this.queue(name);
        const counts = await queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed');
        const { waiting = 0, prioritized = 0, active = 0, delayed = 0, failed = 0 } = counts;
        return { name, waiting: waiting + prioritized, active, delayed, failed };
      }),
    );
  }

  /** Reads the limits that people set on a queue. */
  async limits(name: string): Promise<QueueLimits> {
    const { paused, concurrency, max, duration } = await (await this.queue(name)).getMeta();
    return {
      ...(paused === true ? { isPaused: true } : {}),
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(max === undefined || duration === undefined ? {} : { rate: { max, durationMs: duration } }),
    };
  }

  async close(): Promise<void> {
    // Closing does not wait for queues that are still opening, because Redis may be away.
    await Promise.all([...this.opened].map((queue) => queue.close()));
    this.queues.clear();
  }

  private queue(name: string): Promise<Queue> {
    let queue = this.queues.get(name);
    if (queue === undefined) {
      queue = this.open(name);
      this.queues.set(name, queue);
      // A queue that failed to open never becomes ready, so the next use opens another.
      queue.catch(() => this.queues.delete(name));
    }
    return queue;
  }

  private async open(name: string): Promise<Queue> {
    const bullmq = await import('bullmq');
    const { queuePrefix: prefix } = this.keys.options;
    const queue = new bullmq.Queue(name, { connection: this.redis, prefix, skipMetasUpdate: true });
    // The owner of the connection reports its errors. Node throws them when there is no listener.
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
