import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { dirname } from 'node:path';
import { checkRedis, createLogger, disconnectNow, HearthError, type Logger } from '@hearth/shared';
import type { Admission } from './doorbells/admission.js';
import type { Doorbells } from './doorbells/doorbells.js';
import { type ResolvedWorkerOptions, resolveWorkerOptions, type WorkerOptions } from './options.js';
import { Parts, type RoundsPart } from './parts.js';
import { killMarked, workerMark } from './processes/marked.js';
import { claimFolder, endOrphans, removeFolder } from './processes/orphans.js';
import { abandonGraceMs } from './session/exchange.js';

/** What handing sessions over and ending every process takes at most, ms: the ladder of an idle agent, and some rounds to Redis. */
const tearDownMs = 5_000;

interface WorkerEvents {
  /** The lease is lost: this incarnation has ended all it held and is over. */
  lost: [reason: string];
}

interface Serving {
  doorbells: Doorbells;
  rounds: readonly RoundsPart[];
}

type State =
  | { kind: 'idle' }
  | ({ kind: 'serving' } & Serving)
  | { kind: 'stopping'; from: Serving | undefined; done: Promise<StopReport> };

/** How a stop went. */
export interface StopReport {
  /** Turns that ran, were cut off, and go to the next owner. Those that only waited are none. */
  abandoned: number;
}

/**
 * One incarnation of a worker: starts and stops its parts in order. What they are: parts.ts. Holds no logic of its own.
 */
export class Worker extends EventEmitter<WorkerEvents> {
  readonly workerId = `w-${randomUUID()}`;
  private readonly options: ResolvedWorkerOptions;
  private readonly log: Logger;
  private readonly parts: Parts;
  private state: State = { kind: 'idle' };
  private workerNumber = 0;
  private tellLost: (report: StopReport) => void = () => undefined;
  /** Resolves when the lease was lost and all that was held is dropped. */
  private readonly lost = new Promise<StopReport>((resolve) => {
    this.tellLost = resolve;
  });

  /** @throws HearthError `invalid_options` */
  constructor(options: WorkerOptions, log?: Logger) {
    super();
    this.options = resolveWorkerOptions(options);
    this.log = (log ?? createLogger('hearth-worker', this.options.logLevel)).child({ workerId: this.workerId });
    this.parts = new Parts({
      workerId: this.workerId,
      options: this.options,
      standing: () => ({ workerNumber: this.workerNumber, isEnding: this.isOver }),
      log: this.log,
    });
  }

  /**
   * Takes a lease and a worker number and begins to serve. Undefined: it was stopped, or lost its lease, meanwhile. One that does not start has
   * ended all it had begun.
   * @throws HearthError `redis_unreachable` | `redis_too_old` | `redis_evicting`
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
    await checkRedis(this.parts.redis);
    await endOrphans(dirname(this.parts.folder), (workerId) => this.parts.leases.isKnownDead(workerId), this.log);
    await claimFolder(this.parts.folder);
    await this.parts.watchdog.start();
    this.parts.lease.on('confirmed', (sentNs) => {
      this.parts.watchdog.beat(sentNs);
      this.parts.sessions
        .rereadControlRequests()
        .catch((error: unknown) => this.log.warn({ err: error }, 'controls could not be read'));
    });
    this.parts.lease.on('lost', (reason) => void this.onLost(reason));
    const { workerNumber } = await this.parts.lease.start();
    if (this.isOver) {
      await this.parts.lease.stop();
      throw new HearthError('closed', 'The worker was stopped while it started.');
    }
    this.workerNumber = workerNumber;
    const { admission, doorbells } = this.parts.openAdmission(workerNumber);
    const rounds = this.parts.rounds(workerNumber);
    this.state = { kind: 'serving', doorbells, rounds };
    for (const pool of this.parts.pools) pool.fill();
    await this.listen(admission, doorbells);
    for (const part of rounds) part.start();
    const { slots, profiles } = this.options;
    const { terminationGraceMs } = this;
    this.log.info({ workerNumber, slots, profiles: Object.keys(profiles), terminationGraceMs }, 'worker serves');
    return { workerId: this.workerId, workerNumber };
  }

  private async listen(admission: Admission, doorbells: Doorbells): Promise<void> {
    try {
      await this.parts.wakeCalls.start(
        (sessionId) => this.parts.sessions.find(sessionId),
        (sessionId) => admission.letGo(sessionId),
      );
      await doorbells.start();
    } catch (cause) {
      // BullMQ's connections wait for Redis once they have been ready; one that is cut before that is given up.
      throw new HearthError('redis_unreachable', 'Redis was lost while the worker started.', { cause });
    }
  }

  private get isOver(): boolean {
    return this.state.kind === 'stopping';
  }

  /** How long a stop takes at most, ms: what a supervisor has to grant before it kills. */
  get terminationGraceMs(): number {
    return this.options.drainDeadlineMs + abandonGraceMs + tearDownMs;
  }

  /** Resolves when the first spares are ready, or it is known why not. Serves before that, colder. */
  async warm(): Promise<void> {
    await Promise.all([...this.parts.pools].map((pool) => pool.settled()));
  }

  /** Drains: takes nothing new, finishes what runs (to the deadline), hands sessions over, ends every process. Stopping twice is the same stop. */
  async stop(deadlineMs = this.options.drainDeadlineMs): Promise<StopReport> {
    if (this.state.kind === 'stopping') return this.state.done;
    const from = this.state.kind === 'serving' ? this.state : undefined;
    this.log.info({ deadlineMs }, 'worker drains');
    const done = this.end(from, Promise.race([this.drain(from, deadlineMs), this.lost]));
    this.parts.lease.refresh();
    return done;
  }

  private async drain(from: Serving | undefined, deadlineMs: number): Promise<StopReport> {
    if (from === undefined) return { abandoned: 0 };
    await from.doorbells.stop();
    await Promise.all(from.rounds.map((part) => part.stop()));
    const report = await this.withDeadline(deadlineMs, (deadline) => this.parts.sessions.drain(deadline));
    this.parts.commits.stop();
    await from.doorbells.finished();
    return report;
  }

  /**
   * Nothing this incarnation could still say in Redis would be right: its connections go first, so that nothing is said and nothing waits
   * for an answer; whoever lives finds the rest.
   */
  private async onLost(reason: string): Promise<void> {
    this.log.fatal({ reason }, 'the lease is lost; ending everything this worker held');
    const { state } = this;
    const from = state.kind === 'serving' ? state : state.kind === 'stopping' ? state.from : undefined;
    from?.doorbells.abandon();
    for (const part of from?.rounds ?? []) void part.stop();
    this.parts.commits.stop();
    this.parts.wakeCalls.stop();
    disconnectNow(this.parts.redis);
    const done = state.kind === 'stopping' ? undefined : this.end(from, this.lost);
    const { busy } = this.parts.sessions.counts();
    await this.parts.sessions.drop();
    this.tellLost({ abandoned: busy });
    if (done === undefined) return;
    await done;
    this.emit('lost', reason);
  }

  private end(from: Serving | undefined, over: Promise<StopReport>): Promise<StopReport> {
    const done = over.then(async (report) => {
      await this.tearDown();
      this.log.info({ ...report }, 'worker stopped');
      return report;
    });
    this.state = { kind: 'stopping', from, done };
    return done;
  }

  private async tearDown(): Promise<void> {
    const stopped = Promise.all([...this.parts.pools].map((pool) => pool.stop()));
    // Spares that are just starting are not waited for.
    await killMarked(workerMark, this.workerId);
    await stopped;
    await this.parts.lease.stop();
    await this.parts.watchdog.stop();
    await this.parts.ringer.close();
    this.parts.wakeCalls.stop();
    this.parts.commits.stop();
    disconnectNow(this.parts.redis);
    // What is left, the next worker with this home removes.
    await removeFolder(this.parts.folder).catch((error: unknown) =>
      this.log.warn({ err: error }, 'the folder of this worker could not be removed'),
    );
  }

  private async withDeadline<T>(ms: number, run: (deadline: Promise<void>) => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    return run(deadline).finally(() => clearTimeout(timer));
  }
}
