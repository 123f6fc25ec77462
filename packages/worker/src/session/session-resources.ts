import {
  type Claim,
  type ControlRequests,
  type Logger,
  type SessionStore,
  SessionWriter,
} from '@hearth/shared/internal';
import type { Slot } from '../pool/occupancy.js';
import type { AgentSupply } from './agent-supply.js';
import type { AgentLimits } from './limits.js';
import { Outbox } from './outbox.js';
import { Ownership } from './ownership.js';
import { PermissionDesk } from './permission-desk.js';
import { type AcquiredAgent, SessionAgent } from './session-agent.js';
import { TurnCommits } from './turn-commits.js';
import type { Workspaces } from './workspaces.js';

export interface SessionResourcesDeps {
  workerId: string;
  store: SessionStore;
  controls: ControlRequests;
  agents: AgentSupply;
  workspaces: Workspaces;
  limits: AgentLimits;
  log: Logger;
}

/** Everything one claim of a session holds on this worker, besides its slot. */
export interface SessionResources {
  ownership: Ownership;
  writer: SessionWriter;
  outbox: Outbox;
  desk: PermissionDesk;
  agent: SessionAgent;
  commits: TurnCommits;
  log: Logger;
}

/**
 * Builds the resources of a claim.
 *
 * @param onIdleExit called when the agent ended although no prompt was running
 */
export function openSessionResources(
  sessionId: string,
  claim: Claim,
  slot: Slot,
  deps: SessionResourcesDeps,
  onIdleExit: () => void,
): SessionResources {
  const { workerId, store, controls, agents, workspaces, limits } = deps;
  const log = deps.log.child({ sessionId });
  const profile = agents.profile(claim.profile);
  const workspace = workspaces.of(profile, sessionId, claim.incarnation);
  const ownership = new Ownership(claim);
  const writer = new SessionWriter(store, sessionId, claim);
  const outbox = new Outbox(writer, ownership, log);
  const desk = new PermissionDesk({ sessionId, fence: claim.fence, controls, outbox, policy: profile, log });
  const commits = new TurnCommits(claim, { workerId, outbox, log });

  async function newAgent(): Promise<AcquiredAgent> {
    // The last lines of the agent before are part of the transcript.
    await outbox.flush();
    const chunks = outbox.committedChunks;
    const { claudeSessionId } = commits;
    if (claudeSessionId === undefined || chunks === 0) return agents.fresh(slot);
    // A spare cannot continue a conversation, so it makes room for an agent that can.
    const unused = slot.spare;
    slot.spare = undefined;
    await unused?.end('now');
    const resumed = await agents.resumed(sessionId, claim.profile, { claudeSessionId, chunks, workspace });
    return resumed === undefined ? agents.fresh(slot) : { ...resumed, warmth: 'resumed' };
  }

  const clocks = profile;
  const agent = new SessionAgent({ workspace, newAgent, ownership, outbox, desk, clocks, limits, onIdleExit, log });
  return { ownership, writer, outbox, desk, agent, commits, log };
}
