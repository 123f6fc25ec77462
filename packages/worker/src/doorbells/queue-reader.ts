import type { Logger } from '@hearth/shared/internal';
import { type Job, type KeepJobs, Worker } from 'bullmq';
import type { Redis } from 'ioredis';

/** Stalls never fail a doorbell, because the log is the truth and Hearth does not rely on BullMQ's stall recovery. */
const practicallyInfinite = 1_000_000_000;

export interface QueueReaderOptions {
  queueName: string;
  queuePrefix: string;
  connection: Redis;
  workerId: string;
  /** Resolves when one more doorbell may be taken. False stops the reader. */
  mayTake: () => Promise<boolean>;
  /** Handles one doorbell. It must complete, fail or put back the job. */
  onDoorbell: (job: Job, token: string) => Promise<void>;
  /** TTL of BullMQ's lock on an active job, ms. It is renewed at half time. */
  jobLockMs: number;
  /** Which ended jobs stay in Redis, of those whose adder does not say. @defaultValue all */
  kept?: KeepJobs;
  log: Logger;
}

type State = { kind: 'idle' } | { kind: 'reading'; loop: Promise<void> } | { kind: 'stopping'; done: Promise<void> };

/**
 * Takes doorbells from one queue by BullMQ's manual fetching, because slots bound the number of agents, not of active jobs. Owns its
 * BullMQ worker and the locks of active jobs.
 */
export class QueueReader {
  private readonly worker: Worker;
  private readonly active = new Map<string, string>();
  private readonly ended = new Set<Promise<void>>();
  private renewal: NodeJS.Timeout | undefined;
  private tokens = 0;
  private state: State = { kind: 'idle' };

  constructor(private readonly options: QueueReaderOptions) {
    this.worker = new Worker(options.queueName, null, {
      connection: options.connection,
      prefix: options.queuePrefix,
      name: options.workerId,
      autorun: false,
      lockDuration: options.jobLockMs,
      stalledInterval: options.jobLockMs,
      maxStalledCount: practicallyInfinite,
      ...(options.kept === undefined ? {} : { removeOnComplete: options.kept, removeOnFail: options.kept }),
    });
    this.worker.on('error', (error) =>
      options.log.debug({ event: 'redis.connection_error', err: error, queue: options.queueName }, 'queue connection'),
    );
  }

  async start(): Promise<void> {
    await this.worker.waitUntilReady();
    await this.worker.startStalledCheckTimer();
    if (this.state.kind === 'stopping') return;
    this.renewal = setInterval(() => void this.renewLocks(), this.options.jobLockMs / 2);
    this.state = { kind: 'reading', loop: this.read() };
  }

  /** Takes no more doorbells. Active ones continue; see {@link finished}. */
  async stop(): Promise<void> {
    if (this.state.kind === 'stopping') return this.state.done;
    const loop = this.state.kind === 'reading' ? this.state.loop : undefined;
    // Forced, because that ends the blocking fetch at once. BullMQ holds no job that it should wait for.
    const done = this.worker.close(true).then(() => loop);
    this.state = { kind: 'stopping', done };
    return done;
  }

  /** Takes no more doorbells and renews no lock. Another worker takes the active jobs when their locks expire. */
  abandon(): void {
    void this.stop();
    clearInterval(this.renewal);
  }

  /** Resolves when every active doorbell is handled. */
  async finished(): Promise<void> {
    while (this.ended.size > 0) await Promise.all(this.ended);
    clearInterval(this.renewal);
  }

  private async read(): Promise<void> {
    while (this.state.kind !== 'stopping') {
      if (!(await this.options.mayTake())) return;
      // Each job gets its own token, which is its lock.
      this.tokens += 1;
      const token = `${this.options.workerId}:${this.tokens}`;
      const job = await this.fetch(token);
      if (job?.id === undefined) continue;
      const { id } = job;
      this.active.set(id, token);
      const { onDoorbell, log } = this.options;
      const end = onDoorbell(job, token)
        .catch((error: unknown) =>
          log.error({ event: 'doorbell.handle_failed', err: error, jobId: id }, 'could not handle a doorbell'),
        )
        .finally(() => {
          this.active.delete(id);
          this.ended.delete(end);
        });
      this.ended.add(end);
    }
  }

  private async fetch(token: string): Promise<Job | undefined> {
    try {
      return (await this.worker.getNextJob(token)) as Job | undefined;
    } catch (error) {
      if (this.state.kind === 'stopping') return undefined;
      const { log, queueName: queue } = this.options;
      log.warn({ event: 'doorbell.fetch_failed', err: error, queue }, 'could not fetch a doorbell');
      await new Promise((resolve) => setTimeout(resolve, 100));
      return undefined;
    }
  }

  private async renewLocks(): Promise<void> {
    if (this.active.size === 0) return;
    try {
      await this.worker.extendJobLocks([...this.active.keys()], [...this.active.values()], this.options.jobLockMs);
    } catch (error) {
      const { log } = this.options;
      log.debug({ event: 'doorbell.lock_renewal_failed', err: error }, 'could not renew the locks of doorbells');
    }
  }
}
