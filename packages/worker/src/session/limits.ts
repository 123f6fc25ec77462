import { z } from 'zod';

const ms = z.number().int().positive().max(2_147_483_647);
const turns = z.number().int().positive();

/**
 * When a session's agent makes way without anything being wrong. One table; each is an option of the worker.
 *
 *   idleTimeoutMs      60 min   an idle session is released; its next turn resumes, on any worker
 *   maxTurnsPerAgent   500      the agent is replaced between turns, by resume
 *   maxAgentAgeMs      24 h     likewise
 *   yieldAfterTurns    10       a session with a backlog gives its place up when intake waits and no place is free
 *
 * Source of the numbers: an hour is how long prompt caches can live; agents were seen to grow by some 20 MB per five turns,
 * and long-lived ones are reported to grow without a bound.
 */
export const agentLimitsSchema = z.object({
  idleTimeoutMs: ms.default(60 * 60_000),
  maxTurnsPerAgent: turns.default(500),
  maxAgentAgeMs: ms.default(24 * 3_600_000),
  yieldAfterTurns: turns.default(10),
});
export type AgentLimits = z.output<typeof agentLimitsSchema>;
