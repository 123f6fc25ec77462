import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { intakeQueue, type Keys } from '../keys.js';
import { type Doorbell, doorbellJobOptions, turnlessJobOptions } from '../schema/doorbell.js';
import type { TurnJob } from '../schema/turn-job.js';
import { queueOfRing, type Ring } from '../store/ring.js';

/** How far into intake one looks for other sessions: more of one session's own than its backlog limit do not stand there. */
const lookedAt = 25;
/** BullMQ's `ErrorCode.JobBelongsToJobScheduler`. */
const ofItsScheduler = -8;

/** Jobs of a queue: that wait (prioritised ones too), are in hand, are not due yet, and failed. */
export interface QueueDepth {
  name: string;
  waiting: number;
  active: number;
  delayed: number;
  failed: number;
}

/**
 * Rings doorbells: adds the job that says "session S has turn n" to intake or to a sticky queue.
 * Owns one BullMQ `Queue` per queue name, all on the connection it is given (which it does not close). BullMQ is loaded at the first
 * ring: a short-lived process whose session has an owner has submitted by then, and is served meanwhile.
 */
export class Ringer {
  private readonly queues = new Map<string, Promise<Queue>>();

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
    const queue = await this.queue(intakeQueue);
    const [job] = [...(await queue.getWaiting(0, 0)), ...(await queue.getPrioritized(0, 0))];
    return (job?.data as Partial<Doorbell> | undefined)?.sessionId;
  }

  /** Whether a job of another session waits in intake: looks at the first of those that wait, and of the prioritised ones. */
  async othersWaitInIntake(sessionId: string): Promise<boolean> {
    const queue = await this.queue(intakeQueue);
    const first = await Promise.all([queue.getWaiting(0, lookedAt - 1), queue.getPrioritized(0, lookedAt - 1)]);
    return first.flat().some(({ data }) => (data as Partial<Doorbell>).sessionId !== sessionId);
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
    await Promise.all([...this.queues.values()].map(async (queue) => (await queue).close()));
    this.queues.clear();
  }

  private queue(name: string): Promise<Queue> {
    let queue = this.queues.get(name);
    if (queue === undefined) {
      queue = this.open(name);
      this.queues.set(name, queue);
    }
    return queue;
  }

  private async open(name: string): Promise<Queue> {
    const bullmq = await import('bullmq');
    const { queuePrefix: prefix } = this.keys.options;
    const queue = new bullmq.Queue(name, { connection: this.redis, prefix, skipMetasUpdate: true });
    // The connection's own errors are reported by its owner; without a listener Node would throw them.
    queue.on('error', () => undefined);
    return queue;
  }
}
