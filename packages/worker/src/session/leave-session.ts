import type { Claim } from '@hearth/shared/internal';
import type { HandOver } from './hand-over.js';
import type { SessionResources } from './session-resources.js';
import type { Workspaces } from './workspaces.js';

/** A session that leaves this worker. */
export interface Leaving {
  sessionId: string;
  claim: Claim;
  resources: SessionResources;
  handOver: HandOver;
  workspaces: Workspaces;
}

/** Ends the agent, and resolves when its output is written. The lock must not be released before (R2 of the actor). */
async function endAgent({ agent, outbox }: SessionResources, how: 'ask' | 'now'): Promise<void> {
  await agent.end(how);
  await outbox.flush();
}

/** Releases an idle session. False: a turn came meanwhile, so the session stays, and its next turn resumes. */
export async function releaseIdle({ sessionId, claim, resources, workspaces }: Leaving): Promise<boolean> {
  const { log, ownership, writer } = resources;
  try {
    await endAgent(resources, 'ask');
    const released = await writer.release('idle');
    if (ownership.isLost) return true;
    if (released.kind === 'not_empty') {
      log.info({ event: 'session.release_refused' }, 'a turn came during the release; the session stays');
      return false;
    }
    log.info({ event: 'session.released' }, 'session released');
    if (claim.isSingleTurn) await workspaces.discard(sessionId, claim);
  } catch (error) {
    // The agent has ended. The lock still names this worker, so the next turn, or a close, finds the session here.
    log.error({ event: 'session.release_failed', err: error }, 'could not release an idle session');
  }
  return true;
}

/** Releases a session that is being closed. Its files here go first, because the closer reports the end once the lock is released. */
export async function releaseClosed({ sessionId, claim, resources, workspaces }: Leaving): Promise<void> {
  const { log, ownership, writer } = resources;
  await endAgent(resources, 'now');
  if (!ownership.isLost) {
    await workspaces.discard(sessionId, claim);
    await writer.release('drain');
  }
  log.info({ event: 'session.closed' }, 'session closed');
}

/** Releases a session and rings its turns to the intake queue. `cutOff`: one of them was begun here. */
export async function handOverSession(
  { resources, handOver }: Leaving,
  how: 'ask' | 'now',
): Promise<{ cutOff: boolean }> {
  const { agent, ownership, writer } = resources;
  await endAgent(resources, how);
  if (ownership.isLost) return { cutOff: false };
  const left = await handOver.release(writer);
  return { cutOff: left.some((seq) => seq === agent.lastPromptedSeq) };
}

/** Ends the agent of a lost session. Its output is refused until it is gone. */
export async function endLostSession({ claim, resources }: Leaving): Promise<void> {
  const { agent, log, ownership } = resources;
  await agent.end('now');
  const { lostReason: reason, refusedWrites } = ownership;
  log.warn({ event: 'session.lost', reason, refusedWrites, fence: claim.fence }, 'the session was lost');
}
