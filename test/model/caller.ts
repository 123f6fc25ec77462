import { execute } from './redis.js';
import type { Call, Doorbell, Reply, World } from './world.js';

/** An actor that may wait for a reply. */
type Caller = { call?: Call };

/** Executes the caller's command, if one is on its way. */
export function arrive(world: World, caller: Caller | undefined): boolean {
  if (caller?.call === undefined || caller.call.reply !== undefined) return false;
  execute(world, caller.call);
  return true;
}

/** Takes the reply, if it has arrived. */
export function receive(caller: Caller): Reply | undefined {
  const reply = caller.call?.reply;
  if (reply !== undefined) delete caller.call;
  return reply;
}

/** Ends the job of a doorbell. BullMQ does not check who ends it. */
export const endJob = (world: World, doorbell: Doorbell): void => {
  const job = world.redis.jobs.find(({ queue, id }) => queue === doorbell.queue && id === doorbell.job);
  if (job !== undefined) job.state = 'done';
};
