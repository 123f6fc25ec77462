import type { Warmth, WorkerRecord } from '@hearth/shared';
import { connectFailingFast, intakeQueue, workerQueue } from '@hearth/shared/internal';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';

/** Workers are listed at most this often, ms, because they come and go less often. */
const lookEveryMs = 1_000;

export interface BoardQueuesOptions {
  redisUrl: string;
  queuePrefix: string;
  /** Lists live workers by worker number. @throws HearthError `redis_unreachable` */
  workers: () => Promise<readonly WorkerRecord[]>;
}

/**
 * The queues of the cluster: intake, and the worker queue of each live worker. It lists workers on demand, not by a timer. Owns a
 * connection, created on first use, and one BullMQ `Queue` for each queue on it.
 */
export class BoardQueues {
  private readonly queues = new Map<string, Queue>();
  private workers: readonly WorkerRecord[] = [];
  private redis: Redis | undefined;
  private lookedAt = Number.NEGATIVE_INFINITY;
  private look: Promise<void> | undefined;

  constructor(private readonly options: BoardQueuesOptions) {}

  /** Lists the queues: intake first, then by worker number. @throws HearthError `redis_unreachable` */
  async current(): Promise<readonly Queue[]> {
    if (performance.now() - this.lookedAt > lookEveryMs) {
      this.look ??= this.lookAgain().finally(() => {
        this.look = undefined;
      });
      await this.look;
    }
    return [...this.queues.values()];
  }

  /** The agent of a session, as its worker reported it in the last list. */
  agentOf(sessionId: string): { workerId: string; pid: number; warmth: Warmth } | undefined {
    for (const { workerId, agents } of this.workers) {
      const agent = agents.find((one) => one.sessionId === sessionId);
      if (agent !== undefined) return { workerId, pid: agent.pid, warmth: agent.warmth };
    }
    return undefined;
  }

  async close(): Promise<void> {
    await Promise.all([...this.queues.values()].map((queue) => queue.close()));
    this.queues.clear();
    this.redis?.disconnect();
  }

  private async lookAgain(): Promise<void> {
    this.workers = await this.options.workers();
    this.lookedAt = performance.now();
    const names = [intakeQueue, ...this.workers.map(({ workerNumber }) => workerQueue(workerNumber))];
    const gone = [...this.queues.keys()].filter((name) => !names.includes(name));
    for (const name of gone) {
      await this.queues.get(name)?.close();
      this.queues.delete(name);
    }
    // Inserted again in order, because a new worker number can be lower than the others.
    for (const name of names) {
      const queue = this.queues.get(name) ?? this.open(name);
      this.queues.delete(name);
      this.queues.set(name, queue);
    }
  }

  private open(name: string): Queue {
    const { queuePrefix: prefix } = this.options;
    const queue = new Queue(name, { connection: this.connection(), prefix, skipMetasUpdate: true });
    // Calls report the trouble of the connection. Without a listener Node would throw it.
    queue.on('error', () => undefined);
    return queue;
  }

  private connection(): Redis {
    if (this.redis === undefined) {
      this.redis = connectFailingFast(this.options.redisUrl, 'hearth-board');
      this.redis.on('error', () => undefined);
    }
    return this.redis;
  }
}
