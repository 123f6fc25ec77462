import type { Logger } from '@hearth/shared';
import { type Job, Worker } from 'bullmq';
import type { Redis } from 'ioredis';

/** Stalls never fail a doorbell: the log is the truth, and BullMQ's stall recovery is never relied on [P]. */
const practicallyInfinite = 1_000_000_000;

export interface QueueReaderOptions {
  queueName: string;
  queuePrefix: string;
  connection: Redis;
  workerId: string;
  /** Resolves when one more doorbell may be taken; false when the reader is to stop. */
  mayTake: () => Promise<boolean>;
  /** Deals with one doorbell, to its end: it must complete, fail or put back the job. */
  onDoorbell: (job: Job, token: string) => Promise<void>;
  /** BullMQ's lock on a job in hand, ms: for its own book-keeping, renewed at half time. */
  jobLockMs: number;
  log: Logger;
}

type State = { kind: 'idle' } | { kind: 'reading'; loop: Promise<void> } | { kind: 'stopping'; done: Promise<void> };

/**
 * Takes doorbells from one queue by hand (BullMQ's "manually fetching jobs"), because how many may be active is not what bounds
 * us: slots count agents, not active jobs [P]. Owns its BullMQ worker and the locks of the jobs in hand.
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
    });
    this.worker.on('error', (error) =>
      this.options.log.debug({ err: error, queue: options.queueName }, 'queue connection'),
    );
  }

  async start(): Promise<void> {
    await this.worker.waitUntilReady();
    await this.worker.startStalledCheckTimer();
    if (this.state.kind === 'stopping') return;
    this.renewal = setInterval(() => void this.renewLocks(), this.options.jobLockMs / 2);
    this.state = { kind: 'reading', loop: this.read() };
  }

  /** Takes nothing more. Doorbells in hand go on; await {@link finished}. */
  async stop(): Promise<void> {
    if (this.state.kind === 'stopping') return this.state.done;
    const loop = this.state.kind === 'reading' ? this.state.loop : undefined;
    // Forced: it ends the blocking fetch at once, and BullMQ holds no job of ours that it should wait for.
    const done = this.worker.close(true).then(() => loop);
    this.state = { kind: 'stopping', done };
    return done;
  }

  /** Takes nothing more, and keeps nothing: doorbells in hand are left to whoever finds their locks expired. */
  abandon(): void {
    void this.stop();
    clearInterval(this.renewal);
  }

  /** Resolves when every doorbell in hand has been dealt with. */
  async finished(): Promise<void> {
    while (this.ended.size > 0) await Promise.all(this.ended);
    clearInterval(this.renewal);
  }

  private async read(): Promise<void> {
    while (this.state.kind !== 'stopping') {
      if (!(await this.options.mayTake())) return;
      // One token for each job: it is the job's lock.
      this.tokens += 1;
      const token = `${this.options.workerId}:${this.tokens}`;
      const job = await this.fetch(token);
      if (job?.id === undefined) continue;
      const { id } = job;
      this.active.set(id, token);
      const end = this.options
        .onDoorbell(job, token)
        .catch((error: unknown) =>
          this.options.log.error({ err: error, jobId: id }, 'a doorbell could not be dealt with'),
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
      this.options.log.warn({ err: error, queue: this.options.queueName }, 'a doorbell could not be fetched');
      await new Promise((resolve) => setTimeout(resolve, 100));
      return undefined;
    }
  }

  private async renewLocks(): Promise<void> {
    if (this.active.size === 0) return;
    try {
      await this.worker.extendJobLocks([...this.active.keys()], [...this.active.values()], this.options.jobLockMs);
    } catch (error) {
      this.options.log.debug({ err: error }, 'locks of doorbells were not renewed');
    }
  }
}
