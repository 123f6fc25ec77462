import { setTimeout as pause } from 'node:timers/promises';
import { HearthError } from '../errors/hearth-error.js';
import { cancelledError } from '../errors/session-errors.js';
import { DelayedTurns } from '../queue/delayed-turns.js';
import type { Ringer } from '../queue/ringer.js';
import type { LeaseStore } from '../store/lease-store.js';
import type { Ring } from '../store/ring.js';
import type { ClosingSession, SessionLifecycle } from '../store/session-lifecycle.js';

export interface ClosingDeps {
  lifecycle: SessionLifecycle;
  leases: LeaseStore;
  ringer: Ringer;
}

export interface CloseOptions {
  /** Closes only a session without waiting and delayed turns that was last used before this time, ms since 1970 by Redis' clock. */
  usedBefore?: number;
  /** ms that a live owner has to release the session. */
  deadlineMs: number;
}

const closedError = (): HearthError => cancelledError('its session was closed');

/** Pause between two calls of the owner, ms. */
const retryMs = 100;
/** How often the removal of a job that a worker is processing is tried. Afterwards BullMQ removes the job by its age. */
const removeTries = 20;

/**
 * Closes a session: cancels its waiting and delayed turns, waits until a live owner has ended its agent and released the session, and
 * erases its keys and jobs. Workers remove their folders of the session when they read the note. False: no such session, or it was used since.
 * @throws HearthError `owner_unreachable` after the deadline. The session stays closing, and retention erases it later
 */
export async function closeSession(deps: ClosingDeps, sessionId: string, options: CloseOptions): Promise<boolean> {
  const until = performance.now() + options.deadlineMs;
  if (options.usedBefore === undefined) {
    await new DelayedTurns(deps.lifecycle.store, deps.ringer).refuseAll(sessionId, closedError());
  }
  const incarnation = await deps.lifecycle.store.incarnation(sessionId);
  if (incarnation === undefined) return false;
  let closing = await deps.lifecycle.close(sessionId, incarnation, options.usedBefore);
  if (closing === undefined) return false;
  while (closing !== undefined) {
    if (await tryErase(deps, sessionId, incarnation, closing)) return true;
    if (performance.now() >= until) throw unreachable(sessionId, closing.owner);
    await pause(retryMs);
    // Also calls the owner again.
    closing = await deps.lifecycle.close(sessionId, incarnation);
  }
  return true;
}

async function tryErase(
  { lifecycle, leases, ringer }: ClosingDeps,
  sessionId: string,
  incarnation: string,
  { owner, fence, seqs }: ClosingSession,
): Promise<boolean> {
  const isHeld = owner !== undefined && (await leases.lives(owner));
  const deadFence = owner !== undefined && !isHeld ? fence : '';
  for (const seq of seqs) {
    await lifecycle.withdraw(sessionId, seq, closedError(), deadFence);
  }
  if (isHeld) return false;
  // No agent uses the session's folders any more. If this closer dies before the erase, the next one leaves the note again.
  await lifecycle.noteClosed(sessionId, incarnation);
  const outcome = await lifecycle.erase(sessionId, incarnation, deadFence);
  if (outcome.kind === 'erased') await Promise.all(outcome.rings.map((ring) => removeJob(ringer, ring)));
  return outcome.kind !== 'not_yet';
}

async function removeJob(ringer: Ringer, ring: Ring): Promise<void> {
  for (let tries = 0; tries < removeTries && !(await ringer.remove(ring)); tries += 1) await pause(retryMs);
}

function unreachable(sessionId: string, owner: string | undefined): HearthError {
  return new HearthError(
    'owner_unreachable',
    `Worker ${owner ?? '(unknown)'} has not released session ${sessionId} yet.`,
    {
      wayOut:
        'The session takes no turn. It is erased when its owner answers or its lease ends. Close it again to wait for that.',
    },
  );
}
