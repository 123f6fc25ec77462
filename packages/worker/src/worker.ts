import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import {
  checkRedis,
  connectWaiting,
  createLogger,
  defaultStoreLimits,
  disconnectNow,
  HearthError,
  Keys,
  LeaseStore,
  type Logger,
  launchDigest,
  type Profile,
  Ringer,
  SessionEndings,
  SessionStore,
  SessionWishes,
  type WorkerRecord,
} from '@hearth/shared';
import type { Redis } from 'ioredis';
import { ClaudeDriver } from './agent/claude/driver.js';
import { launchKey } from './agent/claude/launch.js';
import type { Launch } from './agent/driver.js';
import { CommitWatch } from './doorbells/commit-watch.js';
import { Doorbells } from './doorbells/doorbells.js';
import { RawJobs } from './doorbells/raw-jobs.js';
import { Reception } from './doorbells/reception.js';
import { WakeCalls } from './doorbells/wake-calls.js';
import { Fleet } from './fleet.js';
import { Guard } from './guard/guard.js';
import { LeaseKeeper } from './lease/lease-keeper.js';
import { bytesPerPlace, type ResolvedWorkerOptions, resolveWorkerOptions, type WorkerOptions } from './options.js';
import { MemoryWatch } from './pool/memory-watch.js';
import { Places } from './pool/places.js';
import { SparePool } from './pool/spare-pool.js';
import { killMarked, workerMark } from './processes/marked.js';
import { availableMemory } from './processes/memory.js';
import { claimFolder, endOrphans, removeFolder } from './processes/orphans.js';
import { abandonGraceMs } from './session/exchange.js';
import { newAgentId, Sessions } from './session/sessions.js';
import { ClosedWorkspaces } from './session/workspaces.js';
import { Deadlines } from './sweep/deadlines.js';
import { Retention } from './sweep/retention.js';
import { Rounds } from './sweep/rounds.js';
import { Sweep } from './sweep/sweep.js';
import { version } from './version.js';

/** What handing sessions over and ending every process takes at most, ms: the ladder of an idle agent, and some rounds to Redis. */
const tearDownMs = 5_000;

/** How often the notes of closed sessions are read, ms. */
const closedWorkspacesEveryMs = 500;

interface WorkerEvents {
  /** The lease is lost: this incarnation has ended all it held and is over. */
  lost: [reason: string];
}

/** Whatever goes its rounds while the worker serves. */
interface Part {
  start(): void;
  stop(): Promise<void>;
}

interface Serving {
  doorbells: Doorbells;
  rounds: readonly Part[];
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
 * One incarnation of a worker: builds the parts and starts and stops them in order. Holds no logic of its own.
 *
 *   lease/      the worker lease, the seat         guard/      kills the agents of a silent worker
 *   pool/       places, spares                      agent/      one agent and its wire format
 *   session/    actors, their writes, transcripts   doorbells/  intake and sticky queue
 *   sweep/      lost rings, dead owners, turns that expired, sessions nobody uses any more
 */
export class Worker extends EventEmitter<WorkerEvents> {
  readonly workerId = `w-${randomUUID()}`;
  private readonly options: ResolvedWorkerOptions;
  private readonly log: Logger;
  private readonly redis: Redis;
  private readonly leases: LeaseStore;
  private readonly keys: Keys;
  private readonly guard: Guard;
  private readonly lease: LeaseKeeper;
  private readonly ringer: Ringer;
  private readonly wakeCalls: WakeCalls;
  private readonly commits: CommitWatch;
  private readonly endings: SessionEndings;
  private readonly pools = new Map<string, SparePool>();
  private readonly places: Places;
  private readonly sessions: Sessions;
  private readonly memory: MemoryWatch;
  private readonly fleet: Fleet;
  private readonly store: SessionStore;
  private readonly folder: string;
  private readonly workspaces: string;
  private readonly startedAt = Date.now();
  private reception: Reception | undefined;
  private state: State = { kind: 'idle' };
  private seat = 0;
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
    const { redisUrl, leaseTtlMs, leaseMarginMs, home, profiles } = this.options;
    this.folder = join(home, 'workers', this.workerId);
    this.workspaces = join(home, 'workspaces');
    this.redis = connectWaiting(redisUrl, 'hearth-worker');
    this.redis.on('error', (error: unknown) => this.log.debug({ err: error }, 'redis connection'));
    this.keys = new Keys(this.options);
    this.store = new SessionStore(this.redis, this.keys, {
      ...defaultStoreLimits,
      lookAfterMs: this.options.lookAfterMs,
    });
    this.endings = new SessionEndings(this.store);
    const wishes = new SessionWishes(this.store);
    this.commits = new CommitWatch(this.store, this.keys);
    this.leases = new LeaseStore(this.redis, this.keys);
    this.ringer = new Ringer(this.redis, this.keys);
    this.wakeCalls = new WakeCalls(this.redis, this.keys, this.workerId, this.log);
    this.fleet = new Fleet(this.leases, () => this.workerId);
    this.guard = new Guard(this.workerId, leaseTtlMs - leaseMarginMs, this.log);
    this.lease = new LeaseKeeper(
      this.leases,
      { ttlMs: leaseTtlMs, marginMs: leaseMarginMs },
      () => this.record(),
      this.log,
    );
    const driver = new ClaudeDriver({ claudePath: this.options.claudePath, workerEnv: process.env, log: this.log });
    const launch = (profile: Profile): Launch => this.launch(profile);
    this.places = new Places({
      total: this.options.places,
      pools: this.pools,
      idleSessions: () => this.sessions.idle(),
      fits: () => this.memory.fits(),
    });
    this.memory = new MemoryWatch({
      pids: () => this.agentPids(),
      expected: () => this.places.agents,
      available: availableMemory,
      onMeasured: (pid, bytes) => this.noteMemory(pid, bytes),
      onRoom: () => this.places.fill(),
      firstEstimate: bytesPerPlace,
      log: this.log,
    });
    this.buildPools(profiles, (profile) => driver.spare(launch(profile)));
    this.sessions = new Sessions({
      workerId: this.workerId,
      store: this.store,
      wishes,
      ringer: this.ringer,
      fleet: this.fleet,
      driver,
      places: () => this.places,
      pools: this.pools,
      profiles,
      launch,
      workspaces: this.workspaces,
      limits: this.options,
      memoryOf: (pid) => this.memory.of(pid),
      endings: this.endings,
      letGo: async (sessionId) => this.reception?.letGo(sessionId),
      log: this.log,
    });
  }

  /**
   * Takes a lease and a seat and begins to serve. Undefined: it was stopped, or lost its lease, meanwhile. One that does not start has
   * ended all it had begun.
   * @throws HearthError `redis_unreachable` | `redis_too_old` | `redis_evicting`
   */
  async start(): Promise<{ workerId: string; seat: number } | undefined> {
    try {
      return await this.begin();
    } catch (error) {
      if (this.isOver) return undefined;
      await this.stop(0);
      throw error;
    }
  }

  private async begin(): Promise<{ workerId: string; seat: number }> {
    await checkRedis(this.redis);
    await endOrphans(dirname(this.folder), (workerId) => this.leases.isKnownDead(workerId), this.log);
    await claimFolder(this.folder);
    await this.guard.start();
    this.lease.on('confirmed', (sentNs) => {
      this.guard.beat(sentNs);
      this.sessions.rereadWishes().catch((error: unknown) => this.log.warn({ err: error }, 'wishes could not be read'));
    });
    this.lease.on('lost', (reason) => void this.onLost(reason));
    const { seat, formerHolder } = await this.lease.start();
    if (this.isOver) {
      await this.lease.stop();
      throw new HearthError('closed', 'The worker was stopped while it started.');
    }
    this.seat = seat;
    const reception = new Reception({
      workerId: this.workerId,
      seat,
      store: this.store,
      leases: this.leases,
      ringer: this.ringer,
      fleet: this.fleet,
      places: this.places,
      pools: this.pools,
      sessions: this.sessions,
      profileDeadlineMs: this.options.profileDeadlineMs,
      log: this.log,
    });
    this.reception = reception;
    const doorbells = new Doorbells({
      workerId: this.workerId,
      seat,
      queuePrefix: this.options.queuePrefix,
      connection: this.redis,
      places: this.places,
      sessions: this.sessions,
      ringer: this.ringer,
      reception,
      rawJobs: new RawJobs({ store: this.store, ringer: this.ringer, commits: this.commits, log: this.log }),
      jobLockMs: this.options.leaseTtlMs,
      log: this.log,
    });
    const rounds = this.rounds(seat, formerHolder);
    this.state = { kind: 'serving', doorbells, rounds };
    for (const pool of new Set(this.pools.values())) pool.fill();
    await this.listen(reception, doorbells);
    for (const part of rounds) part.start();
    const { places, profiles } = this.options;
    const { terminationGraceMs } = this;
    this.log.info({ seat, places, profiles: Object.keys(profiles), terminationGraceMs }, 'worker serves');
    return { workerId: this.workerId, seat };
  }

  private async listen(reception: Reception, doorbells: Doorbells): Promise<void> {
    try {
      await this.wakeCalls.start(
        (sessionId) => this.sessions.find(sessionId),
        (sessionId) => reception.letGo(sessionId),
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
    await Promise.all([...this.pools.values()].map((pool) => pool.settled()));
  }

  /** Drains: takes nothing new, finishes what runs (to the deadline), hands sessions over, ends every process. Stopping twice is the same stop. */
  async stop(deadlineMs = this.options.drainDeadlineMs): Promise<StopReport> {
    if (this.state.kind === 'stopping') return this.state.done;
    const from = this.state.kind === 'serving' ? this.state : undefined;
    this.log.info({ deadlineMs }, 'worker drains');
    const done = this.end(from, Promise.race([this.drain(from, deadlineMs), this.lost]));
    this.lease.refresh();
    return done;
  }

  private async drain(from: Serving | undefined, deadlineMs: number): Promise<StopReport> {
    if (from === undefined) return { abandoned: 0 };
    await from.doorbells.stop();
    await Promise.all(from.rounds.map((part) => part.stop()));
    const report = await this.withDeadline(deadlineMs, (deadline) => this.sessions.drain(deadline));
    this.commits.stop();
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
    this.commits.stop();
    this.wakeCalls.stop();
    disconnectNow(this.redis);
    const done = state.kind === 'stopping' ? undefined : this.end(from, this.lost);
    const { busy } = this.sessions.counts();
    await this.sessions.drop();
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

  private rounds(seat: number, formerHolder: string | undefined): readonly Part[] {
    const { workerId, store, leases, ringer, sessions, endings, log } = this;
    const workspaces = new ClosedWorkspaces({ endings, root: this.workspaces, log });
    const { retentionMs } = this.options;
    return [
      new Sweep({ workerId, seat, formerHolder, store, leases, ringer, sessions, log }),
      new Deadlines({ workerId, endings, leases, ringer, log }),
      this.memory,
      new Retention({ workerId, endings, leases, ringer, retentionMs, log }),
      new Rounds({ everyMs: closedWorkspacesEveryMs, name: 'a look for folders of closed sessions', log }, () =>
        workspaces.collect(),
      ),
    ];
  }

  private agentPids(): number[] {
    const spares = [...new Set(this.pools.values())].flatMap((pool) => pool.readyPids);
    return [...spares, ...this.places.promised.map(({ pid }) => pid), ...this.sessions.agents().map(({ pid }) => pid)];
  }

  private noteMemory(pid: number, bytes: number): void {
    this.sessions.noteMemory(pid, bytes);
    const megabytes = Math.round(bytes / 1024 / 1024);
    if (megabytes <= this.options.agentHardMemoryMb) return;
    if ([...new Set(this.pools.values())].some((pool) => pool.dropGrown(pid)))
      this.log.error({ pid, megabytes }, 'a spare took more memory than an agent may; it is replaced');
  }

  private async tearDown(): Promise<void> {
    const stopped = Promise.all([...new Set(this.pools.values())].map((pool) => pool.stop()));
    // Spares that are just starting are not waited for.
    await killMarked(workerMark, this.workerId);
    await stopped;
    await this.lease.stop();
    await this.guard.stop();
    await this.ringer.close();
    this.wakeCalls.stop();
    this.commits.stop();
    disconnectNow(this.redis);
    // What is left, the next worker with this home removes.
    await removeFolder(this.folder).catch((error: unknown) =>
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

  /** Profiles whose agents are interchangeable share a pool. */
  private buildPools(
    profiles: Readonly<Record<string, Profile>>,
    start: (profile: Profile) => ReturnType<ClaudeDriver['spare']>,
  ): void {
    const byKey = new Map<string, SparePool>();
    for (const [name, profile] of Object.entries(profiles)) {
      const key = launchKey(profile);
      const pool =
        byKey.get(key) ??
        new SparePool({
          target: profile.spares,
          start: () => start(profile),
          hasRoom: () => this.places.free > 0,
          onReady: () => this.lease.refresh(),
          log: this.log.child({ profile: name }),
        });
      byKey.set(key, pool);
      this.pools.set(name, pool);
    }
  }

  private launch(profile: Profile): Launch {
    const agentId = newAgentId();
    return {
      agentId,
      workerId: this.workerId,
      profile,
      home: join(this.folder, 'agents', agentId),
      workspaces: this.workspaces,
    };
  }

  private record(): WorkerRecord {
    const profiles: Record<string, string> = {};
    const launches: WorkerRecord['launches'] = {};
    let spare = 0;
    for (const pool of new Set(this.pools.values())) spare += pool.readyCount;
    for (const [name, pool] of this.pools) profiles[name] = pool.failure?.code ?? 'ok';
    for (const [name, profile] of Object.entries(this.options.profiles)) launches[name] = launchDigest(profile);
    return {
      workerId: this.workerId,
      seat: this.seat,
      host: hostname(),
      pid: process.pid,
      version,
      startedAt: this.startedAt,
      state: this.state.kind === 'stopping' ? 'draining' : 'serving',
      places: { total: this.options.places, spare, ...this.sessions.counts() },
      profiles,
      launches,
      agents: this.sessions.agents(),
    };
  }
}
