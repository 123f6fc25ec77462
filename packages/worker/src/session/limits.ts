import { numberFrom } from '@hearth/shared/internal';
import { z } from 'zod';
import { usableMemory } from '../processes/memory-limit.js';

export const megabyte = 1024 * 1024;

const ms = z.number().int().positive().max(2_147_483_647);
const turns = z.number().int().positive();
const megabytes = z.number().int().positive();
const hardMemoryMb = (): number => Math.min(8_192, Math.floor(usableMemory() / 2 / megabyte));

/**
 * When a healthy agent makes room, or is replaced. Each limit is an option of the worker.
 *
 *   idleTimeoutMs      60 min   HEARTH_IDLE_TIMEOUT_MS        an idle session is released; its next turn resumes, on any worker
 *   maxTurnsPerAgent   500      HEARTH_MAX_TURNS_PER_AGENT    the agent is replaced between turns, by a resume
 *   maxAgentAgeMs      24 h     HEARTH_MAX_AGENT_AGE_MS       likewise
 *   yieldAfterTurns    10       HEARTH_YIELD_AFTER_TURNS      a session with a backlog gives up its slot when others wait and no slot is free
 *   agentSoftMemoryMb  2,048    HEARTH_AGENT_SOFT_MEMORY_MB   an agent that holds more, with all it started, is replaced after its turn
 *   agentHardMemoryMb  8,192    HEARTH_AGENT_HARD_MEMORY_MB   an agent that holds more is killed; its turn fails with `agent_out_of_memory`
 *                      (at most half of the memory of the container or machine)
 *
 * Source of the numbers: prompt caches can live for an hour. Agents were seen to grow by about 20 MB per five turns, and long-lived
 * ones are reported to grow without a bound.
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

/** Whether an agent has served so many turns, lived so long, or grown so much that a new one should replace it. */
export function exceedsLimits(agent: { turns: number; ageMs: number; bytes: number }, limits: AgentLimits): boolean {
  if (agent.bytes > limits.agentSoftMemoryMb * megabyte) return true;
  return agent.turns >= limits.maxTurnsPerAgent || agent.ageMs >= limits.maxAgentAgeMs;
}
