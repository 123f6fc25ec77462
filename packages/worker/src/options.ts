import { readFileSync } from 'node:fs';
import { HearthError, type Profiles, profilesSchema } from '@hearth/shared';
import {
  defaultStoreLimits,
  environment,
  hearthHome,
  logLevels,
  numberFrom,
  parseInput,
  redisOptionsSchema,
} from '@hearth/shared/internal';
import { z } from 'zod';
import { usableMemory } from './processes/memory-limit.js';
import { agentLimitsSchema } from './session/limits.js';

/** Memory reserved for one agent, bytes. An idle spare takes about 200 MB, an agent after some turns 250–320 MB (measured, 2.1.329). */
export const bytesPerSlot = 400 * 1024 * 1024;
/** Half of the memory of the container or machine goes to agents: at least 2 slots, at most 64. */
const slotsFromMemory = (): number => Math.min(64, Math.max(2, Math.floor(usableMemory() / 2 / bytesPerSlot)));

/** The options of a worker. Precedence: option, then environment variable, then default. */
const workerOptionsSchema = redisOptionsSchema.extend({
  ...agentLimitsSchema.shape,
  /** Folder for everything the worker writes. `HEARTH_HOME`. @defaultValue `~/.hearth` */
  home: z.string().min(1).prefault(hearthHome),
  /** Profile name → profile; `default` always exists. */
  profiles: profilesSchema.default(() => profilesSchema.parse({})),
  /** How many agents may run. `HEARTH_SLOTS`. @defaultValue half of the memory at 400 MB each, 2–64 */
  slots: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .prefault(() => numberFrom('HEARTH_SLOTS') ?? slotsFromMemory()),
  /** Path of the claude binary. `HEARTH_CLAUDE_PATH`. @defaultValue `claude` on PATH, then the npm package */
  claudePath: z.string().min(1).optional(),
  /** TTL of the worker lease, ms. `HEARTH_LEASE_TTL_MS`. */
  leaseTtlMs: z
    .number()
    .int()
    .min(1_000)
    .max(600_000)
    .prefault(() => numberFrom('HEARTH_LEASE_TTL_MS') ?? 10_000),
  /** How long before its lease can expire a silent worker's agents are killed, ms. @defaultValue a fifth of the TTL */
  leaseMarginMs: z.number().int().min(100).optional(),
  /** How long running turns may take to finish when the worker stops, ms. `HEARTH_DRAIN_DEADLINE_MS`. */
  drainDeadlineMs: z
    .number()
    .int()
    .min(0)
    .prefault(() => numberFrom('HEARTH_DRAIN_DEADLINE_MS') ?? 30_000),
  /** How long after its last use a session is closed, ms. `HEARTH_RETENTION_MS`. @defaultValue 30 days */
  retentionMs: z
    .number()
    .int()
    .min(1_000)
    .prefault(() => numberFrom('HEARTH_RETENTION_MS') ?? defaultStoreLimits.retentionMs),
  /** How many ended raw jobs stay in Redis, of those whose adder does not say. `HEARTH_RAW_JOBS_KEPT`. */
  rawJobsKept: z
    .number()
    .int()
    .min(0)
    .prefault(() => numberFrom('HEARTH_RAW_JOBS_KEPT') ?? 1_000),
  /** How long they stay at most, ms. `HEARTH_RAW_JOBS_KEPT_MS`. @defaultValue a day */
  rawJobsKeptMs: z
    .number()
    .int()
    .min(1_000)
    .prefault(() => numberFrom('HEARTH_RAW_JOBS_KEPT_MS') ?? 24 * 3_600_000),
  /** How long a turn waits for a worker that has its profile, ms. */
  profileDeadlineMs: z.number().int().min(0).default(10_000),
  /** How long the next turn in a log waits before a sweep checks whether its ring was lost, ms. `HEARTH_LOOK_AFTER_MS`. */
  lookAfterMs: z
    .number()
    .int()
    .min(10)
    .prefault(() => numberFrom('HEARTH_LOOK_AFTER_MS') ?? defaultStoreLimits.lookAfterMs),
  /** `HEARTH_LOG_LEVEL`. @defaultValue `info` */
  logLevel: z.enum(logLevels).prefault(() => (environment('HEARTH_LOG_LEVEL') as (typeof logLevels)[number]) ?? 'info'),
});

export type WorkerOptions = z.input<typeof workerOptionsSchema>;
export type ResolvedWorkerOptions = z.output<typeof workerOptionsSchema> & { leaseMarginMs: number };

/** @throws HearthError `invalid_options` */
export function resolveWorkerOptions(options: WorkerOptions): ResolvedWorkerOptions {
  const resolved = parseInput(
    workerOptionsSchema as z.ZodType<z.output<typeof workerOptionsSchema>>,
    options,
    'invalid_options',
    'options',
  );
  const leaseMarginMs = resolved.leaseMarginMs ?? Math.floor(resolved.leaseTtlMs / 5);
  if (leaseMarginMs >= resolved.leaseTtlMs / 2) {
    throw new HearthError('invalid_options', `leaseMarginMs is ${leaseMarginMs}, leaseTtlMs ${resolved.leaseTtlMs}.`, {
      field: 'leaseMarginMs',
      expected: 'less than half of leaseTtlMs',
      wayOut: 'Lower leaseMarginMs or raise leaseTtlMs.',
    });
  }
  const claudePath = resolved.claudePath ?? environment('HEARTH_CLAUDE_PATH');
  return { ...resolved, leaseMarginMs, ...(claudePath === undefined ? {} : { claudePath }) };
}

/** Reads a profile file: JSON, `{"<name>": {…}}`. @throws HearthError `invalid_options` */
export function readProfiles(path: string): Profiles {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new HearthError('invalid_options', `The profile file ${path} cannot be read as JSON.`, {
      field: 'profiles',
      expected: 'a JSON file: {"<profile name>": {…}}',
      wayOut: 'Correct the file, or leave it out to use the default profile.',
      cause,
    });
  }
  return parseInput(profilesSchema as z.ZodType<Profiles>, json, 'invalid_options', 'profiles');
}
