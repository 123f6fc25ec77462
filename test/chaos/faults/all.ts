import type { FaultKind } from './fault.js';
import { ofAgents } from './of-agents.js';
import { beyondTheLease, ofConnections } from './of-connections.js';
import { ofQueues } from './of-queues.js';
import { ofRedis } from './of-redis.js';
import { deadly, ofWorkers } from './of-workers.js';

export const allFaults: readonly FaultKind[] = [...ofWorkers, ...ofAgents, ...ofConnections, ...ofRedis, ...ofQueues];

/** Faults that end an owner. Played alone, their takeovers have no excuse. */
export const deadlyFaults: readonly FaultKind[] = [...deadly, beyondTheLease];

/** One fault of each family, in the order in which they are tried. */
export const oneOfEach: readonly FaultKind[] = [
  'an agent is killed',
  'a turn is interrupted',
  'a worker is killed',
  'replies are lost',
  'a worker is frozen beyond its lease',
  'published events are lost',
  'connections are cut',
  'a worker is drained',
  'a watchdog is killed',
  'Redis is killed',
  'an event loop stands still for a moment',
].flatMap((name) => allFaults.filter((kind) => kind.name === name));
