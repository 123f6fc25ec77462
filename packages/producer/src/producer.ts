import {
  checkSessionId,
  type Prompt,
  type QueueDepth,
  type SessionFilter,
  type SessionPage,
  type SessionSummary,
  type WorkerRecord,
} from '@hearth/shared';
import { intakeQueue, singleTurnSessionId, workerQueue } from '@hearth/shared/internal';
import { Connection } from './connection.js';
import type { ProducerOptions } from './options.js';
import type { PromptOptions } from './prompt-options.js';
import { Session } from './session.js';
import { newTurnId, Submitter } from './submitter.js';
import type { TurnHandle } from './turn-handle.js';

/** Submits turns and follows them. Connects on first use. */
export class Producer {
  private readonly connection: Connection;
  private readonly submitter: Submitter;

  /** @throws HearthError `invalid_options` */
  constructor(options: ProducerOptions = {}) {
    this.connection = new Connection(options);
    this.submitter = new Submitter(this.connection);
  }

  /** Returns a session by its name. @throws HearthError `invalid_session_id` */
  session(sessionId: string): Session {
    return new Session(this.connection, this.submitter, checkSessionId(sessionId));
  }

  /**
   * Submits one prompt without a session: a spare answers it and is discarded. The same `turnId` is the same turn.
   *
   * @throws HearthError as {@link Session.prompt}
   */
  async prompt(prompt: Prompt, options: PromptOptions = {}): Promise<TurnHandle> {
    const turnId = options.turnId ?? newTurnId();
    return this.submitter.submit(singleTurnSessionId(turnId), prompt, { ...options, turnId }, true);
  }

  /** Lists all known sessions, the last used first. @throws HearthError `redis_unreachable` */
  async sessions(): Promise<SessionSummary[]> {
    return this.connection.use(() => this.connection.store.sessions());
  }

  /**
   * Lists known sessions that match a filter, the last used first.
   *
   * @param page.limit how many at most (50)
   * @param page.after `next` of the page before
   * @throws HearthError `redis_unreachable`
   */
  async sessionPage(filter: SessionFilter = {}, page: { limit?: number; after?: string } = {}): Promise<SessionPage> {
    return this.connection.use(() => this.connection.store.sessionPage(filter, page.limit ?? 50, page.after));
  }

  /** Lists live workers by worker number. @throws HearthError `redis_unreachable` */
  async workers(): Promise<WorkerRecord[]> {
    return this.connection.use(() => this.connection.leases.workers());
  }

  /** Counts the jobs of the intake queue and of the worker queues of live workers. @throws HearthError `redis_unreachable` */
  async queues(): Promise<QueueDepth[]> {
    const workerNumbers = (await this.workers()).map(({ workerNumber }) => workerNumber);
    return this.connection.use(() => this.connection.ringer.depths([intakeQueue, ...workerNumbers.map(workerQueue)]));
  }

  /** Closes the connections. Accepted turns continue. */
  async close(): Promise<void> {
    return this.connection.close();
  }
}

/** Creates a producer, which submits turns and follows them. It connects on first use. @throws HearthError `invalid_options` */
export function createProducer(options: ProducerOptions = {}): Producer {
  return new Producer(options);
}
