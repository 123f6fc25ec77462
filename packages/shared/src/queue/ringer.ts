import { type Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Keys } from '../keys.js';
import { type Doorbell, doorbellJobOptions } from '../schema/doorbell.js';
import { queueOfRing, type Ring } from '../store/ring.js';

/**
 * Rings doorbells: adds the job that says "session S has turn n" to intake or to a sticky queue.
 * Owns one BullMQ `Queue` per queue name, all on the connection it is given (which it does not close).
 */
export class Ringer {
  private readonly queues = new Map<string, Queue>();

  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
  ) {}

  /** Adds the doorbell under the ring's job id; adding the same ring twice is silently one job. */
  async ring(ring: Ring, doorbell: Doorbell): Promise<void> {
    await this.queue(queueOfRing(ring)).add('turn', doorbell, { jobId: ring.jobId, ...doorbellJobOptions });
  }

  /** The job of a ring, if BullMQ still has it. */
  async job(ring: Ring): Promise<Job | undefined> {
    return this.queue(queueOfRing(ring)).getJob(ring.jobId);
  }

  async close(): Promise<void> {
    await Promise.all([...this.queues.values()].map((queue) => queue.close()));
    this.queues.clear();
  }

  private queue(name: string): Queue {
    let queue = this.queues.get(name);
    if (queue === undefined) {
      queue = new Queue(name, { connection: this.redis, prefix: this.keys.options.queuePrefix, skipMetasUpdate: true });
      // The connection's own errors are reported by its owner; without a listener Node would throw them.
      queue.on('error', () => undefined);
      this.queues.set(name, queue);
    }
    return queue;
  }
}
