import { z } from 'zod';
import { launchDigestSchema } from './launch-digest.js';
import { warmthSchema } from './turn.js';

/** The agent of a session, as its worker sees it. */
const agentRecordSchema = z.object({
  sessionId: z.string(),
  pid: z.number().int(),
  /** `hot` once the agent has served a turn. Before: how the session acquired it. */
  warmth: warmthSchema,
  /** Resident memory of the agent's process tree. Absent without /proc, and before the first measurement. */
  rssBytes: z.number().int().optional(),
  /** When the session acquired the agent, ms since 1970 by the worker's clock. */
  since: z.number(),
});
export type AgentRecord = z.infer<typeof agentRecordSchema>;

/** What a worker writes into its lease at each renewal. */
export const workerRecordSchema = z.object({
  workerId: z.string(),
  workerNumber: z.number().int(),
  host: z.string(),
  pid: z.number().int(),
  version: z.string(),
  /** ms since 1970 by the worker's clock. */
  startedAt: z.number(),
  /** `not_ready`: it cannot write its files, so it takes no session. */
  state: z.enum(['serving', 'not_ready', 'draining']),
  /** Counts of slots, and of what fills them. */
  slots: z.object({
    total: z.number().int(),
    spare: z.number().int(),
    busy: z.number().int(),
    idle: z.number().int(),
  }),
  /** Profile name → `ok`, or the code of the error with which its agents fail to start. */
  profiles: z.record(z.string(), z.string()),
  /** Profile name → what it launches. */
  launches: z.record(z.string(), launchDigestSchema).default({}),
  /** The agents that are bound to a session. Records of older workers lack it. */
  agents: z.array(agentRecordSchema).default([]),
});
export type WorkerRecord = z.infer<typeof workerRecordSchema>;
