import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  ControlRequests,
  connectWaiting,
  defaultStoreLimits,
  Keys,
  LeaseStore,
  type Logger,
  launchDigest,
  type Profile,
  Ringer,
  SessionEndings,
  SessionStore,
  type WorkerRecord,
} from '@hearth/shared';
import type { Redis } from 'ioredis';
import { ClaudeDriver } from './agent/claude/driver.js';
import { launchKey } from './agent/claude/launch.js';
import type { Launch } from './agent/driver.js';
import { Admission } from './doorbells/admission.js';
import { CommitWatch } from './doorbells/commit-watch.js';
import { Doorbells } from './doorbells/doorbells.js';
import { RawJobs } from './doorbells/raw-jobs.js';
import { WakeCalls } from './doorbells/wake-calls.js';
import { Fleet } from './fleet.js';
import { LeaseKeeper } from './lease/lease-keeper.js';
import { bytesPerSlot, type ResolvedWorkerOptions } from './options.js';
import { MemoryWatch } from './pool/memory-watch.js';
import { Slots } from './pool/slots.js';
import { SparePool } from './pool/spare-pool.js';
import { availableMemory } from './processes/memory.js';
import { newAgentId, Sessions } from './session/sessions.js';
import { ClosedWorkspaces } from './session/workspaces.js';
import { Deadlines } from './sweep/deadlines.js';
import { Retention } from './sweep/retention.js';
import { Rounds } from './sweep/rounds.js';
import { Sweep } from './sweep/sweep.js';
import { version } from './version.js';
import { Watchdog } from './watchdog/watchdog.js';

/** How often the notes of closed sessions are read, ms. */
const closedWorkspacesEveryMs = 500;

/** Whatever goes its rounds while the worker serves. */
export interface RoundsPart {
  start(): void;
  stop(): Promise<void>;
}

export interface PartsSpec {
  workerId: string;
  options: ResolvedWorkerOptions;
  /** How the incarnation stands, for its record. */
  standing: () => { workerNumber: number; isEnding: boolean };
  log: Logger;
}

/**
 * The parts of one incarnation of a worker, built and joined; starting and stopping them in order is the worker's.
 *
 *   lease/      the worker lease, the worker number         watchdog/      kills the agents of a silent worker
 *   pool/       slots, spares                      agent/      one agent and its wire format
 *   session/    actors, their writes, transcripts   doorbells/  intake and worker queue
 *   sweep/      lost rings, dead owners, turns that expired, sessions nobody uses any more
 */
export class Parts {
  readonly redis: Redis;
  readonly leases: LeaseStore;
  readonly watchdog: Watchdog;
  readonly lease: LeaseKeeper;
  readonly ringer: Ringer;
  readonly wakeCalls: WakeCalls;
  readonly commits: CommitWatch;
  readonly slots: Slots;
  readonly sessions: Sessions;
  /** The incarnation's own folder: its agents' config dirs and pasts. */
  readonly folder: string;
  private readonly endings: SessionEndings;
  private readonly poolOf = new Map<string, SparePool>();
  private readonly memory: MemoryWatch;
  private readonly fleet: Fleet;
  private readonly store: SessionStore;
  private readonly workspaces: string;
  private readonly startedAt = Date.now();
  private admission: Admission | undefined;

  constructor(private readonly spec: PartsSpec) {
    const { workerId, options, log } = spec;
    const { redisUrl, leaseTtlMs, leaseMarginMs, home } = options;
    this.folder = join(home, 'workers', workerId);
    this.workspaces = join(home, 'workspaces');
    this.redis = connectWaiting(redisUrl, 'hearth-worker');
    this.redis.on('error', (error: unknown) => log.debug({ err: error }, 'redis connection'));
    const keys = new Keys(options);
    this.store = new SessionStore(this.redis, keys, {
      ...defaultStoreLimits,
      lookAfterMs: options.lookAfterMs,
    });
    this.endings = new SessionEndings(this.store);
    const controls = new ControlRequests(this.store);
    this.commits = new CommitWatch(this.store, keys);
    this.leases = new LeaseStore(this.redis, keys);
    this.ringer = new Ringer(this.redis, keys);
    this.wakeCalls = new WakeCalls(this.redis, keys, workerId, log);
    this.fleet = new Fleet(this.leases, () => workerId);
    this.watchdog = new Watchdog(workerId, leaseTtlMs - leaseMarginMs, log);
    this.lease = new LeaseKeeper(this.leases, { ttlMs: leaseTtlMs, marginMs: leaseMarginMs }, () => this.record(), log);
    const driver = new ClaudeDriver({ claudePath: options.claudePath, workerEnv: process.env, log });
    const launch = (profile: Profile): Launch => this.launch(profile);
    this.slots = new Slots({
      total: options.slots,
      pools: this.poolOf,
      idleSessions: () => this.sessions.idle(),
      fits: () => this.memory.fits(),
    });
    this.memory = new MemoryWatch({
      pids: () => this.agentPids(),
      expected: () => this.slots.agents,
      available: availableMemory,
      onMeasured: (pid, bytes) => this.noteMemory(pid, bytes),
      onRoom: () => this.slots.fill(),
      firstEstimate: bytesPerSlot,
      log,
    });
    this.buildPools((profile) => driver.spare(launch(profile)));
    this.sessions = new Sessions({
      workerId,
      store: this.store,
      controls,
      ringer: this.ringer,
      fleet: this.fleet,
      driver,
      slots: () => this.slots,
      pools: this.poolOf,
      profiles: options.profiles,
      launch,
      workspaces: this.workspaces,
      limits: options,
      memoryOf: (pid) => this.memory.of(pid),
      endings: this.endings,
      letGo: async (sessionId) => this.admission?.letGo(sessionId),
      log,
    });
  }

  /** The readers of intake and of that worker number's worker queue, and who deals with what they read. */
  openAdmission(workerNumber: number): { admission: Admission; doorbells: Doorbells } {
    const { slots, sessions, store, leases, ringer, fleet, commits } = this;
    const { workerId, options, log } = this.spec;
    const admission = new Admission({
      workerId,
      workerNumber,
      store,
      leases,
      ringer,
      fleet,
      slots,
      pools: this.poolOf,
      sessions,
      profileDeadlineMs: options.profileDeadlineMs,
      log,
    });
    this.admission = admission;
    const doorbells = new Doorbells({
      workerId,
      workerNumber,
      queuePrefix: options.queuePrefix,
      connection: this.redis,
      slots,
      sessions,
      ringer,
      admission,
      rawJobs: new RawJobs({ store, ringer, commits, log }),
      jobLockMs: options.leaseTtlMs,
      log,
    });
    return { admission, doorbells };
  }

  /** The pools of spares, each once: profiles can share one. */
  get pools(): ReadonlySet<SparePool> {
    return new Set(this.poolOf.values());
  }

  /** What goes its rounds on that worker number. */
  rounds(workerNumber: number): readonly RoundsPart[] {
    const { store, leases, ringer, sessions, endings } = this;
    const { workerId, log, options } = this.spec;
    const workspaces = new ClosedWorkspaces({ endings, root: this.workspaces, log });
    const { retentionMs } = options;
    return [
      new Sweep({ workerId, workerNumber, store, leases, ringer, sessions, log }),
      new Deadlines({ workerId, endings, leases, ringer, log }),
      this.memory,
      new Retention({ workerId, endings, leases, ringer, retentionMs, log }),
      new Rounds({ everyMs: closedWorkspacesEveryMs, name: 'a look for folders of closed sessions', log }, () =>
        workspaces.collect(),
      ),
    ];
  }

  private agentPids(): number[] {
    const spares = [...this.pools].flatMap((pool) => pool.readyPids);
    return [...spares, ...this.slots.promised.map(({ pid }) => pid), ...this.sessions.agents().map(({ pid }) => pid)];
  }

  private noteMemory(pid: number, bytes: number): void {
    this.sessions.noteMemory(pid, bytes);
    const megabytes = Math.round(bytes / 1024 / 1024);
    if (megabytes <= this.spec.options.agentHardMemoryMb) return;
    if ([...this.pools].some((pool) => pool.dropGrown(pid)))
      this.spec.log.error({ pid, megabytes }, 'a spare took more memory than an agent may; it is replaced');
  }

  /** Profiles whose agents are interchangeable share a pool. */
  private buildPools(start: (profile: Profile) => ReturnType<ClaudeDriver['spare']>): void {
    const byKey = new Map<string, SparePool>();
    for (const [name, profile] of Object.entries(this.spec.options.profiles)) {
      const key = launchKey(profile);
      const pool =
        byKey.get(key) ??
        new SparePool({
          target: profile.spares,
          start: () => start(profile),
          hasRoom: () => this.slots.free > 0,
          onReady: () => this.lease.refresh(),
          log: this.spec.log.child({ profile: name }),
        });
      byKey.set(key, pool);
      this.poolOf.set(name, pool);
    }
  }

  private launch(profile: Profile): Launch {
    const agentId = newAgentId();
    return {
      agentId,
      workerId: this.spec.workerId,
      profile,
      home: join(this.folder, 'agents', agentId),
      workspaces: this.workspaces,
    };
  }

  private record(): WorkerRecord {
    const { workerId, options, standing } = this.spec;
    const { workerNumber, isEnding } = standing();
    const profiles: Record<string, string> = {};
    const launches: WorkerRecord['launches'] = {};
    let spare = 0;
    for (const pool of this.pools) spare += pool.readyCount;
    for (const [name, pool] of this.poolOf) profiles[name] = pool.failure?.code ?? 'ok';
    for (const [name, profile] of Object.entries(options.profiles)) launches[name] = launchDigest(profile);
    return {
      workerId,
      workerNumber,
      host: hostname(),
      pid: process.pid,
      version,
      startedAt: this.startedAt,
      state: isEnding ? 'draining' : 'serving',
      slots: { total: options.slots, spare, ...this.sessions.counts() },
      profiles,
      launches,
      agents: this.sessions.agents(),
    };
  }
}
