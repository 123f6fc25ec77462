import { execute } from './redis.js';
import type { Bell, Call, Reply, World } from './world.js';

/** Whoever may wait for a reply. */
type Caller = { call?: Call };

/** Redis takes the command of somebody, if one is on its way. */
export function arrive(world: World, caller: Caller | undefined): boolean {
  if (caller?.call === undefined || caller.call.reply !== undefined) return false;
  execute(world, caller.call);
  return true;
}

/** The reply that has come, if one has. */
export function receive(caller: Caller): Reply | undefined {
  const reply = caller.call?.reply;
  if (reply !== undefined) delete caller.call;
  return reply;
}

/** The job of a doorbell ends: nobody checks who says so. */
export const finished = (world: World, bell: Bell): void => {
  const job = world.redis.jobs.find(({ queue, id }) => queue === bell.queue && id === bell.job);
  if (job !== undefined) job.state = 'done';
};
