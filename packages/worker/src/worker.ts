import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { dirname } from 'node:path';
import { HearthError } from '@hearth/shared';
import { checkRedis, createLogger, disconnectNow, type Logger, prepareFolder } from '@hearth/shared/internal';
import { deferred } from './deferred.js';
import { type ResolvedWorkerOptions, resolveWorkerOptions, type WorkerOptions } from './options.js';
import { type BaseParts, buildBase, buildServing, type ServingParts } from './parts.js';
import { killMarked, workerMark } from './processes/marked.js';
import { claimFolder, endOrphans, removeFolder } from './processes/orphans.js';
import { abandonGraceMs } from './session/exchange.js';

/** How long it takes at most to hand sessions over and end every process, ms: the escalation for an idle agent, and some calls to Redis. */
const tearDownMs = 5_000;

interface WorkerEvents {
  /** The lease is lost. This incarnation has ended everything it held. */
  lost: [reason: string];
}

type State =
  | { kind: 'idle' }
  | { kind: 'serving'; parts: ServingParts }
  | { kind: 'stopping'; parts: ServingParts | undefined; done: Promise<StopReport> };

/** How a stop went. */
export interface StopReport {
  /** Running turns that were cut off and go to the next owner. Waiting turns do not count. */
  abandoned: number;
}

/** One incarnation of a worker. Starts and stops its parts in order. */
export class Worker extends EventEmitter<WorkerEvents> {
  readonly workerId = `w-${randomUUID()}`;
  private readonly options: ResolvedWorkerOptions;
  private readonly log: Logger;
  private readonly base: BaseParts;
  private state: State = { kind: 'idle' };
  /** Resolves when the lease was lost and everything is dropped. */
  private readonly lost = deferred<StopReport>();

  /** @throws HearthError `invalid_options` */
  constructor(options: WorkerOptions, log?: Logger) {
    super();
    this.options = resolveWorkerOptions(options);
    this.log = (log ?? createLogger('hearth-worker', this.options.logLevel)).child({ workerId: this.workerId });
    this.base = buildBase({ workerId: this.workerId, options: this.options, log: this.log });
  }

  /**
   * Acquires a lease and a worker number, and begins to serve. A worker that fails to start ends everything it began.
   *
   * @returns undefined when it was stopped, or lost its lease, meanwhile
   * @throws HearthError `home_unusable` | `disk_full` | `redis_unreachable` | `redis_too_old` | `redis_evicting`
   */
  async start(): Promise<{ workerId: string; workerNumber: number } | undefined> {
    try {
      return await this.begin();
    } catch (error) {
      if (this.isOver) return undefined;
      await this.stop(0);
      throw error;
    }
  }

  private async begin(): Promise<{ workerId: string; workerNumber: number }> {
    const { redis, folder, leases, watchdog, lease, distinctPools } = this.base;
    await prepareFolder(this.options.home);
    await checkRedis(redis);
    await endOrphans(dirname(folder), (workerId) => leases.isKnownDead(workerId), this.log);
    await claimFolder(folder);
    await watchdog.start();
    lease.on('confirmed', (sentNs) => watchdog.beat(sentNs));
    lease.on('lost', (reason) => void this.onLost(reason));
    const { workerNumber } = await lease.start();
    if (this.isOver) {
      await lease.stop();
      throw new HearthError('closed', 'The worker was stopped while it started.');
    }
    const parts = buildServing(this.base, workerNumber);
    this.state = { kind: 'serving', parts };
    lease.on('confirmed', () => this.rereadControlRequests(parts));
    for (const pool of distinctPools) pool.fill();
    await this.listen(parts);
    for (const round of parts.rounds) round.start();
    const { slots, profiles } = this.options;
    const { workerId, terminationGraceMs } = this;
    const fields = { workerNumber, slots, profiles: Object.keys(profiles), terminationGraceMs };
    this.log.info({ event: 'worker.serving', ...fields }, 'worker serves');
    return { workerId, workerNumber };
  }

  private async listen({ wakeCalls, doorbells }: ServingParts): Promise<void> {
    try {
      await wakeCalls.start();
      await doorbells.start();
    } catch (cause) {
      // BullMQ's connections wait for Redis once they have been ready. A connection that is cut before gives up.
      throw new HearthError('redis_unreachable', 'Redis was lost while the worker started.', { cause });
    }
  }

  private rereadControlRequests({ sessions }: ServingParts): void {
    sessions
      .rereadControlRequests()
      .catch((error: unknown) =>
        this.log.warn({ event: 'control_requests.read_failed', err: error }, 'could not read control requests'),
      );
  }

  private get isOver(): boolean {
    return this.state.kind === 'stopping';
  }

  /** How long a stop takes at most, ms. A supervisor must grant so long before it kills. */
  get terminationGraceMs(): number {
    return this.options.drainDeadlineMs + abandonGraceMs + tearDownMs;
  }

  /** Resolves when the first starts of spares are over, also if they failed. The worker serves before that, without spares. */
  async warm(): Promise<void> {
    await Promise.all([...this.base.distinctPools].map((pool) => pool.settled()));
  }

  /** Drains: takes nothing new, finishes running turns until the deadline, hands sessions over, ends every process. Stopping twice is the same stop. */
  async stop(deadlineMs = this.options.drainDeadlineMs): Promise<StopReport> {
    if (this.state.kind === 'stopping') return this.state.done;
    const parts = this.state.kind === 'serving' ? this.state.parts : undefined;
    this.log.info({ event: 'worker.draining', deadlineMs }, 'worker drains');
    const done = this.end(parts, Promise.race([this.drain(parts, deadlineMs), this.lost.promise]));
    this.base.lease.refresh();
    return done;
  }

  private async drain(parts: ServingParts | undefined, deadlineMs: number): Promise<StopReport> {
    if (parts === undefined) return { abandoned: 0 };
    await parts.doorbells.stop();
    await Promise.all(parts.rounds.map((round) => round.stop()));
    const report = await withDeadline(deadlineMs, (deadline) => parts.sessions.drain(deadline));
    parts.commits.stop();
    await parts.doorbells.finished();
    return report;
  }

  /**
   * Ends everything without a write, because nothing this incarnation could write would be right. Its connections go first, so that no
   * call waits for an answer. Other workers find its sessions.
   */
  private async onLost(reason: string): Promise<void> {
    this.log.fatal({ event: 'lease.lost', reason }, 'the lease is lost; ending everything this worker held');
    const { state } = this;
    const parts = state.kind === 'idle' ? undefined : state.parts;
    parts?.doorbells.abandon();
    for (const round of parts?.rounds ?? []) void round.stop();
    parts?.commits.stop();
    parts?.wakeCalls.stop();
    disconnectNow(this.base.redis);
    const done = state.kind === 'stopping' ? undefined : this.end(parts, this.lost.promise);
    const { busy } = this.base.registry.counts();
    await parts?.sessions.drop();
    this.lost.resolve({ abandoned: busy });
    if (done === undefined) return;
    await done;
    this.emit('lost', reason);
  }

  private end(parts: ServingParts | undefined, over: Promise<StopReport>): Promise<StopReport> {
    const done = over.then(async (report) => {
      await this.tearDown(parts);
      this.log.info({ event: 'worker.stopped', ...report }, 'worker stopped');
      return report;
    });
    this.state = { kind: 'stopping', parts, done };
    this.base.status.drains();
    return done;
  }

  private async tearDown(parts: ServingParts | undefined): Promise<void> {
    const { distinctPools, workerId, lease, watchdog, ringer, redis, folder } = this.base;
    const stopped = Promise.all([...distinctPools].map((pool) => pool.stop()));
    // Kills spares that are starting, instead of waiting for them.
    await killMarked(workerMark, workerId);
    await stopped;
    await lease.stop();
    await watchdog.stop();
    await ringer.close();
    parts?.wakeCalls.stop();
    parts?.commits.stop();
    disconnectNow(redis);
    await removeFolder(folder).catch((error: unknown) =>
      // The next worker with this home removes what is left.
      this.log.warn({ event: 'worker.folder_remove_failed', err: error }, 'could not remove the folder of this worker'),
    );
  }
}

async function withDeadline<T>(ms: number, run: (deadline: Promise<void>) => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  return run(deadline).finally(() => clearTimeout(timer));
}
