/**
 * The parts of one incarnation of a worker. Starting and stopping them in order is the job of `worker.ts`.
 *
 *   lease/      the worker lease and number      watchdog/   kills the agents of a silent worker
 *   pool/       slots, spares, memory            agent/      one agent and its wire format
 *   session/    actors, their writes             doorbells/  intake queue and worker queue
 *   sweep/      lost rings, dead owners, expired turns, unused sessions
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Profile } from '@hearth/shared';
import {
  ControlRequests,
  connectWaiting,
  defaultStoreLimits,
  Keys,
  LeaseStore,
  type Logger,
  Ringer,
  SessionLifecycle,
  SessionStore,
} from '@hearth/shared/internal';
import { ClaudeDriver } from './agent/claude/driver.js';
import { launchKey } from './agent/claude/launch.js';
import type { Launch } from './agent/driver.js';
import { Admission } from './doorbells/admission.js';
import { CommitWatch } from './doorbells/commit-watch.js';
import { Doorbells } from './doorbells/doorbells.js';
import { QueueLimitsWatch } from './doorbells/queue-limits.js';
import { RawJobs } from './doorbells/raw-jobs.js';
import { WakeCalls } from './doorbells/wake-calls.js';
import { Fleet } from './fleet.js';
import { LeaseKeeper } from './lease/lease-keeper.js';
import { WorkerStatus } from './lease/worker-status.js';
import { bytesPerSlot, type ResolvedWorkerOptions } from './options.js';
import { HomeWatch } from './pool/home-watch.js';
import { MemoryBudget } from './pool/memory-budget.js';
import { MemoryWatch } from './pool/memory-watch.js';
import { Occupancy } from './pool/occupancy.js';
import { Slots } from './pool/slots.js';
import { SparePool } from './pool/spare-pool.js';
import { availableMemory } from './processes/memory-limit.js';
import { RepeatedRound } from './rounds.js';
import { AgentSupply } from './session/agent-supply.js';
import { HandOver } from './session/hand-over.js';
import { SessionRegistry } from './session/session-registry.js';
import { Sessions } from './session/sessions.js';
import { TurnsLeftToOthers } from './session/turns-left-to-others.js';
import { Workspaces } from './session/workspaces.js';
import { Expiry } from './sweep/expiry.js';
import { Retention } from './sweep/retention.js';
import { Sweep } from './sweep/sweep.js';
import { Watchdog } from './watchdog/watchdog.js';

export interface PartsSpec {
  workerId: string;
  options: ResolvedWorkerOptions;
  log: Logger;
}

/** The parts that do not need a worker number. */
export type BaseParts = ReturnType<typeof buildBase>;
/** The parts that serve sessions, under a worker number. */
export type ServingParts = ReturnType<typeof buildServing>;

export function buildBase(spec: PartsSpec) {
  const { workerId, options, log } = spec;
  const { leaseTtlMs, leaseMarginMs, home, slots: total, profiles, lookAfterMs } = options;
  const redis = connectWaiting(options.redisUrl, 'hearth-worker');
  redis.on('error', (error: unknown) => log.debug({ event: 'redis.connection_error', err: error }, 'redis connection'));
  const keys = new Keys(options);
  const store = new SessionStore(redis, keys, { ...defaultStoreLimits, lookAfterMs });
  const leases = new LeaseStore(redis, keys);
  const registry = new SessionRegistry();
  const budget = new MemoryBudget({ available: availableMemory, firstEstimate: bytesPerSlot, log });
  const folder = join(home, 'workers', workerId);
  const homeWatch = new HomeWatch({ folder, log });
  const occupancy = new Occupancy({ total, registry, budget, home: homeWatch });
  const workspacesFolder = join(home, 'workspaces');
  const launch = (profile: Profile): Launch => {
    const agentId = `a-${randomUUID()}`;
    return { agentId, workerId, profile, home: join(folder, 'agents', agentId), workspaces: workspacesFolder };
  };
  const driver = new ClaudeDriver({ claudePath: options.claudePath, workerEnv: process.env, log });
  const pools = buildPools(spec, occupancy, (profile) => driver.spare(launch(profile)));
  const status = new WorkerStatus({ workerId, slots: total, profiles, pools, registry, budget, home: homeWatch });
  const lease = new LeaseKeeper(leases, { ttlMs: leaseTtlMs, marginMs: leaseMarginMs }, status, log);
  const distinctPools: ReadonlySet<SparePool> = new Set(pools.values());
  for (const pool of distinctPools) pool.on('ready', () => lease.refresh());
  const ringer = new Ringer(redis, keys);
  const watchdog = new Watchdog(workerId, leaseTtlMs - leaseMarginMs, log);
  const slots = new Slots({ occupancy, pools, registry });
  homeWatch.on('changed', () => {
    lease.refresh();
    slots.fill();
  });
  const core = { workerId, options, log, redis, keys, store, leases, ringer };
  const agents = { registry, budget, occupancy, slots, pools, distinctPools, profiles, driver, launch };
  return { ...core, ...agents, folder, workspacesFolder, homeWatch, status, lease, watchdog };
}

/** One pool per launch specification: profiles whose agents are interchangeable share a pool. Profile name → pool. */
function buildPools(
  { options, log }: PartsSpec,
  occupancy: Occupancy,
  start: (profile: Profile) => ReturnType<ClaudeDriver['spare']>,
): ReadonlyMap<string, SparePool> {
  const pools = new Map<string, SparePool>();
  const byKey = new Map<string, SparePool>();
  for (const [name, profile] of Object.entries(options.profiles)) {
    const key = launchKey(profile);
    const pool =
      byKey.get(key) ??
      new SparePool({
        target: profile.spares,
        start: () => start(profile),
        occupancy,
        log: log.child({ profile: name }),
      });
    byKey.set(key, pool);
    pools.set(name, pool);
  }
  return pools;
}

export function buildServing(base: BaseParts, workerNumber: number) {
  const { workerId, options, log, redis: connection, keys, store, leases, distinctPools } = base;
  const { profileDeadlineMs, queuePrefix, leaseTtlMs, retentionMs, agentHardMemoryMb } = options;
  const rawJobsKept = { count: options.rawJobsKept, age: options.rawJobsKeptMs / 1_000 };
  const fleet = new Fleet(leases, workerId);
  const lifecycle = new SessionLifecycle(store);
  const handOver = new HandOver({ ...base, workerNumber });
  const workspaces = new Workspaces({ root: base.workspacesFolder, lifecycle, log });
  const parts = { ...base, workerNumber, fleet, lifecycle, handOver, workspaces };
  const sessions = new Sessions({
    ...parts,
    controls: new ControlRequests(store),
    agents: new AgentSupply(base),
    leftToOthers: new TurnsLeftToOthers(fleet),
    limits: options,
  });
  const admission = new Admission({ ...parts, sessions, profileDeadlineMs });
  const commits = new CommitWatch(store, keys);
  const rawJobs = new RawJobs({ ...base, commits, admission });
  const doorbells = new Doorbells({
    ...parts,
    queuePrefix,
    connection,
    admission,
    rawJobs,
    rawJobsKept,
    jobLockMs: leaseTtlMs,
  });
  const rounds = [
    new Sweep(parts),
    new Expiry(parts),
    new MemoryWatch({ ...base, pools: distinctPools, agentHardMemoryMb }),
    new Retention({ ...parts, retentionMs }),
    new QueueLimitsWatch(parts),
    workspaces,
    base.homeWatch,
  ];
  return {
    sessions,
    commits,
    doorbells,
    wakeCalls: new WakeCalls(parts),
    rounds: rounds.map((round) => new RepeatedRound(round, log)),
  };
}
