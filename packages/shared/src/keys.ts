import { encodeSessionId, shardOf } from './session-id.js';
import type { SessionKeys, WorkerKeys } from './store/script-types.js';

/**
 * Names of everything that Hearth keeps in Redis.
 *
 * Session keys carry their shard as hash tag, so that one script touches one slot of a Redis Cluster:
 *   hearth:{s012}:pending            zset    encoded session id → when a sweep checks it next (ms). Exactly the sessions with a non-empty log
 *   hearth:{s012}:sessions           zset    encoded session id → last use (ms), or 0 while it is closing
 *   hearth:{s012}:deadlines          zset    "<encoded session id> <seq>" → when a turn that has not begun expires (ms)
 *   hearth:{s012}:session:<id>       hash    the session: incarnation, counters, lock record, totals
 *   …:log                            zset    seq → order: the turn log, accepted and not yet committed
 *   …:turn:<seq>                     hash    one turn: request, ring, attempts, tools reached, result
 *   …:turnids                        hash    turnId → seq
 *   …:done                           zset    "<seq> <turnId>" → commit time (ms), which says when `turnids` drops it
 *   …:events                         stream  the session's events, ids "<n>-0" with n dense
 *   …:transcript                     list    chunks of the transcript, in order
 *   …:permissions                    hash    request id → open permission request; "<request id>!" → its answer
 *   …:delayed                        hash    turnId → id of the raw job in intake that submits it when it is due
 *   …:channel                        pub/sub channel of the same events
 *   …:ends                           pub/sub channel: the seq of each turn that got its result, `closed` when the session is erased
 *   …:presence                       pub/sub channel without messages. A process subscribes to it while it has readers of the events
 *   …:raw                            pub/sub channel of the lines to and from the session's agent, while a caller watches them
 * Worker keys share one tag:
 *   hearth:{workers}:numbers         hash    worker number → workerId
 *   hearth:{workers}:known           zset    workerId → when it last renewed its lease
 *   hearth:{workers}:dead            set     dead workers whose worker number was given away, until a sweep has looked for their sessions
 *   hearth:{workers}:lease:<id>      string  the worker record without its worker number, with the lease's TTL
 *   hearth:{workers}:closed          stream  closed sessions, so that workers remove the folders that they still have
 *   hearth:{workers}:wake:<id>       pub/sub channel: calls to the worker about its sessions (`wake-call.ts`)
 */
export interface KeyOptions {
  /** First part of every key of the session store. @defaultValue `hearth` */
  keyPrefix: string;
  /** BullMQ's `prefix`. @defaultValue `bull`, BullMQ's own, so that any BullMQ client finds `turns` */
  queuePrefix: string;
}

export const intakeQueue = 'turns';
export const workerQueue = (workerNumber: number): string => `${intakeQueue}-${workerNumber}`;

export class Keys implements WorkerKeys {
  readonly workerNumbers: string;
  readonly knownWorkers: string;
  readonly deadWorkers: string;
  readonly closed: string;
  readonly leasePrefix: string;
  readonly wakePrefix: string;

  constructor(readonly options: KeyOptions) {
    const workers = `${options.keyPrefix}:{workers}`;
    this.workerNumbers = `${workers}:numbers`;
    this.knownWorkers = `${workers}:known`;
    this.deadWorkers = `${workers}:dead`;
    this.closed = `${workers}:closed`;
    this.leasePrefix = `${workers}:lease:`;
    this.wakePrefix = `${workers}:wake:`;
  }

  private shard(shard: number): string {
    return `${this.options.keyPrefix}:{s${String(shard).padStart(3, '0')}}`;
  }
  pending(shard: number): string {
    return `${this.shard(shard)}:pending`;
  }
  sessions(shard: number): string {
    return `${this.shard(shard)}:sessions`;
  }
  deadlines(shard: number): string {
    return `${this.shard(shard)}:deadlines`;
  }
  /** A session's key is this prefix and the encoded session id. */
  sessionPrefix(shard: number): string {
    return `${this.shard(shard)}:session:`;
  }
  /** The keys of a session and of its shard. `turnPrefix` followed by a seq is the key of a turn. */
  session(sessionId: string): SessionKeys & { readonly presence: string; readonly raw: string } {
    const shard = shardOf(sessionId);
    const session = this.sessionPrefix(shard) + encodeSessionId(sessionId);
    return {
      session,
      log: `${session}:log`,
      turnPrefix: `${session}:turn:`,
      turnIds: `${session}:turnids`,
      done: `${session}:done`,
      events: `${session}:events`,
      transcript: `${session}:transcript`,
      channel: `${session}:channel`,
      ends: `${session}:ends`,
      pending: this.pending(shard),
      sessions: this.sessions(shard),
      deadlines: this.deadlines(shard),
      permissions: `${session}:permissions`,
      delayed: `${session}:delayed`,
      presence: `${session}:presence`,
      raw: `${session}:raw`,
    };
  }
  lease(workerId: string): string {
    return this.leasePrefix + workerId;
  }
}
