import { totalmem } from 'node:os';
import { numberFrom } from '@hearth/shared';
import { z } from 'zod';

const ms = z.number().int().positive().max(2_147_483_647);
const turns = z.number().int().positive();
const megabytes = z.number().int().positive();
const hardMemoryMb = (): number => Math.min(8_192, Math.floor(totalmem() / 2 / 1024 / 1024));

/**
 * When a session's agent makes way without anything being wrong. One table; each is an option of the worker.
 *
 *   idleTimeoutMs      60 min   HEARTH_IDLE_TIMEOUT_MS        an idle session is released; its next turn resumes, on any worker
 *   maxTurnsPerAgent   500      HEARTH_MAX_TURNS_PER_AGENT    the agent is replaced between turns, by resume
 *   maxAgentAgeMs      24 h     HEARTH_MAX_AGENT_AGE_MS       likewise
 *   yieldAfterTurns    10       HEARTH_YIELD_AFTER_TURNS      a session with a backlog gives its slot up when intake waits and no slot is free
 *
 *   agentSoftMemoryMb  2,048    HEARTH_AGENT_SOFT_MEMORY_MB   an agent that holds more, with all it started, is replaced after its turn
 *   agentHardMemoryMb  8,192    HEARTH_AGENT_HARD_MEMORY_MB   one that holds more is killed, and its turn fails with `agent_out_of_memory`
 *                      (at most half the machine's)
 *
 * Source of the numbers: an hour is how long prompt caches can live; agents were seen to grow by some 20 MB per five turns,
 * and long-lived ones are reported to grow without a bound.
 */
export const agentLimitsSchema = z.object({
  idleTimeoutMs: ms.prefault(() => numberFrom('HEARTH_IDLE_TIMEOUT_MS') ?? 60 * 60_000),
  maxTurnsPerAgent: turns.prefault(() => numberFrom('HEARTH_MAX_TURNS_PER_AGENT') ?? 500),
  maxAgentAgeMs: ms.prefault(() => numberFrom('HEARTH_MAX_AGENT_AGE_MS') ?? 24 * 3_600_000),
  yieldAfterTurns: turns.prefault(() => numberFrom('HEARTH_YIELD_AFTER_TURNS') ?? 10),
  agentSoftMemoryMb: megabytes.prefault(() => numberFrom('HEARTH_AGENT_SOFT_MEMORY_MB') ?? 2_048),
  agentHardMemoryMb: megabytes.prefault(() => numberFrom('HEARTH_AGENT_HARD_MEMORY_MB') ?? hardMemoryMb()),
});
export type AgentLimits = z.output<typeof agentLimitsSchema>;
