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
  /** Only if nobody used the session since (Redis' clock, ms since 1970), and no turn of it waits or is to come. */
  usedBefore?: number;
  /** ms until a live owner must have let go. */
  deadlineMs: number;
}

const closedError = (): HearthError => cancelledError('its session was closed');

/** How often the owner is called, and looked at, ms. */
const askAgainMs = 100;
/** How often a job in hand is looked at again before it is left to its age. */
const removeTries = 20;

/**
 * Closes a session: cancels what waits and what is not due yet, has its owner end its agent and let go, erases keys and jobs. Resolves when nothing
 * is left; folders of former owners go when those read of it. A dead owner is not waited for.
 * Returns false when there was no such session (any more), or it was used since.
 * @throws HearthError `owner_unreachable` after the deadline; the session stays closing, and is erased by itself later
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
    await pause(askAgainMs);
    // Calls the owner again, too.
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
  // Nobody works in its folders any more; and should we die now, the next closer notes it again.
  await lifecycle.noteClosed(sessionId, incarnation);
  const outcome = await lifecycle.erase(sessionId, incarnation, deadFence);
  if (outcome.kind === 'erased') await Promise.all(outcome.rings.map((ring) => removeJob(ringer, ring)));
  return outcome.kind !== 'not_yet';
}

/** A job in hand ends within moments of its session; one that does not is removed by its age. */
async function removeJob(ringer: Ringer, ring: Ring): Promise<void> {
  for (let tries = 0; tries < removeTries && !(await ringer.remove(ring)); tries += 1) await pause(askAgainMs);
}

function unreachable(sessionId: string, owner: string | undefined): HearthError {
  return new HearthError(
    'owner_unreachable',
    `Worker ${owner ?? '(unknown)'} has not let go of session ${sessionId} yet.`,
    {
      wayOut:
        'The session takes no turn any more and is erased as soon as its owner answers or its lease ends; closing it again waits for that.',
    },
  );
}
