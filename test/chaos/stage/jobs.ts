import type { TurnJob } from '@hearth/shared';
import { doorbellJobOptions, intakeQueue, type Keys } from '@hearth/shared/internal';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { Jobs } from '../load/caller.js';

/** Adds jobs that bring their own turn, through a BullMQ queue of its own. Errors are reported at once. */
export class JobSender implements Jobs {
  private readonly redis: Redis;
  private readonly queue: Queue;

  constructor(redisUrl: string, { options }: Keys) {
    this.redis = new Redis(redisUrl, { maxRetriesPerRequest: 1 });
    this.queue = new Queue(intakeQueue, { connection: this.redis, prefix: options.queuePrefix, skipMetasUpdate: true });
    for (const part of [this.redis, this.queue]) part.on('error', () => undefined);
  }

  async post(job: TurnJob, jobId: string, delayMs: number): Promise<void> {
    await this.queue.add('turn', job, { jobId, delay: delayMs, ...doorbellJobOptions });
  }

  leave(): void {
    this.redis.disconnect();
  }
}
