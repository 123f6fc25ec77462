import { encodeSessionId, shardOf } from './session-id.js';

/**
 * Every name Hearth gives to something in Redis is made here.
 *
 * Session keys carry their shard as hash tag, so that one script touches one slot of a Redis Cluster:
 *   hearth:{s012}:pending            zset    encoded session id → when to look at it next (ms); exactly the sessions with a non-empty log
 *   hearth:{s012}:sessions           zset    encoded session id → last use (ms); 0: it is being closed
 *   hearth:{s012}:deadlines          zset    "<encoded session id> <seq>" → when a turn that has not begun expires (ms)
 *   hearth:{s012}:session:<id>       hash    the session: incarnation, counters, lock record, totals
 *   …:log                            zset    seq → order: the turn log, accepted and not yet committed
 *   …:turn:<seq>                     hash    one turn: request, ring, attempts, tools reached, result
 *   …:turnids                        hash    turnId → seq
 *   …:done                           zset    "<seq> <turnId>" → commit time (ms); what `turnids` may forget, and when
 *   …:events                         stream  the session's events, ids "<n>-0" with n dense
 *   …:transcript                     list    chunks of the transcript, in order
 *   …:permissions                    hash    request id → a permission request that waits; "<request id>!" → its answer
 *   …:delayed                        hash    turnId → id of the job in intake that brings it when it is due
 *   …:channel                        pub/sub channel of the same events
 *   …:presence                       pub/sub channel nobody publishes on: a process is subscribed while it has readers of the events
 *   …:ends                           pub/sub channel of the seqs of turns that got their result; `closed` in the end
 * Worker keys share one tag:
 *   hearth:{workers}:numbers           hash    worker number → workerId
 *   hearth:{workers}:known           zset    workerId → when it last renewed its lease (a worker that was, never is again)
 *   hearth:{workers}:dead            set     workers whose worker number went to another after their death, until somebody has looked for their sessions
 *   hearth:{workers}:lease:<id>      string  the worker record, with the lease's TTL
 *   hearth:{workers}:closed          stream  sessions that were closed: workers remove the folders they still have
 *   hearth:{workers}:wake:<id>       pub/sub channel: calls to the worker about its sessions (`wake-call.ts`)
 *   …:raw                            pub/sub channel of a session: lines to and from its agent, while somebody watches
 */
export interface KeyOptions {
  /** First part of every key of the session store. @defaultValue `hearth` */
  keyPrefix: string;
  /** BullMQ's `prefix`. @defaultValue `bull`, BullMQ's own, so that any BullMQ client finds `turns` */
  queuePrefix: string;
}

/** The name of the intake queue. */
export const intakeQueue = 'turns';
/** The name of the worker queue of a worker number. */
export const workerQueue = (workerNumber: number): string => `${intakeQueue}-${workerNumber}`;

/** The keys that every session script gets, in this order (`lua/includes/keys.lua` names them). */
export type SessionKeys = readonly [
  session: string,
  log: string,
  turnPrefix: string,
  turnIds: string,
  done: string,
  events: string,
  transcript: string,
  channel: string,
  pending: string,
  sessions: string,
  deadlines: string,
  permissions: string,
  delayed: string,
];

export class Keys {
  constructor(readonly options: KeyOptions) {}

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
  /** What stands before the encoded id in a session's key. */
  sessionPrefix(shard: number): string {
    return `${this.shard(shard)}:session:`;
  }
  session(sessionId: string): SessionKeys {
    const shard = shardOf(sessionId);
    const session = this.sessionPrefix(shard) + encodeSessionId(sessionId);
    return [
      session,
      `${session}:log`,
      `${session}:turn:`,
      `${session}:turnids`,
      `${session}:done`,
      `${session}:events`,
      `${session}:transcript`,
      `${session}:channel`,
      this.pending(shard),
      this.sessions(shard),
      this.deadlines(shard),
      `${session}:permissions`,
      `${session}:delayed`,
    ];
  }
  channel(sessionId: string): string {
    return this.session(sessionId)[7];
  }
  presenceChannel(sessionId: string): string {
    return `${this.session(sessionId)[0]}:presence`;
  }
  endsChannel(sessionId: string): string {
    return `${this.session(sessionId)[0]}:ends`;
  }
  rawChannel(sessionId: string): string {
    return `${this.session(sessionId)[0]}:raw`;
  }
  private get workers(): string {
    return `${this.options.keyPrefix}:{workers}`;
  }
  get workerNumbers(): string {
    return `${this.workers}:numbers`;
  }
  get knownWorkers(): string {
    return `${this.workers}:known`;
  }
  get deadWorkers(): string {
    return `${this.workers}:dead`;
  }
  get closed(): string {
    return `${this.workers}:closed`;
  }
  get leasePrefix(): string {
    return `${this.workers}:lease:`;
  }
  /** Prefix of the channels on which a worker is called about its sessions. */
  get wakePrefix(): string {
    return `${this.workers}:wake:`;
  }
  lease(workerId: string): string {
    return this.leasePrefix + workerId;
  }
}
