import type { AgentRecord, Warmth } from '@hearth/shared';
import type { DoorbellOutcome } from './doorbell-waiters.js';

/** What the other parts of the worker may ask of a session that this worker owns. */
export interface OwnedSession {
  readonly sessionId: string;
  /** When it became idle (`performance.now()`, ms). Undefined while it is busy. */
  readonly idleSince: number | undefined;
  /** Its agent. Undefined while it has none. */
  readonly presentAgent: { pid: number; warmth: Warmth; since: number } | undefined;

  /** Announces a turn. Resolves when the turn is committed, or the session is not owned any more. */
  ring(seq: number): Promise<DoorbellOutcome>;
  /** Has the session read its turn log again. */
  wake(): void;
  /** Stops a turn: the running one at once, another one when it begins. */
  interrupt(seq: number): void;
  /** A permission request was answered in Redis. */
  answered(requestId: string): Promise<void>;
  /** A waiting turn was given its result by another process. */
  withdrawn(seq: number): Promise<void>;
  /** The session is being closed. */
  close(): void;
  /** Publishes the raw lines of its agent for a while. */
  watch(): void;
  /** Re-reads stored control requests, in case their pub/sub message was lost (P13). */
  rereadControlRequests(): Promise<void>;
  /** Its agent and everything that started holds so many bytes. Beyond a limit the agent is killed, or makes room when it is idle. */
  limitMemory(bytes: number): void;
  /** Ends the agent of an idle session and releases the session. False when it is busy. */
  evict(): Promise<boolean>;
  /** Finishes the running turn, then hands the session over. `cutOff`: a turn that was begun here goes to the next owner. */
  drain(): Promise<{ cutOff: boolean }>;
  /** Like {@link drain}, but stops the running turn. */
  abandon(): Promise<{ cutOff: boolean }>;
  /** The worker lost its lease: ends everything without a write. */
  drop(): Promise<void>;
}

/**
 * The sessions this worker owns, one actor each. Slots, memory watch, admission and worker record read it; it has
 * an actor from its claim until it is over. Owns the order of claims and releases of one session.
 */
export class SessionRegistry {
  private readonly sessions = new Map<string, OwnedSession>();
  private readonly exclusive = new Map<string, Promise<unknown>>();

  find(sessionId: string): OwnedSession | undefined {
    return this.sessions.get(sessionId);
  }
  add(session: OwnedSession): void {
    this.sessions.set(session.sessionId, session);
  }
  remove(session: OwnedSession): void {
    this.sessions.delete(session.sessionId);
  }
  all(): OwnedSession[] {
    return [...this.sessions.values()];
  }

  /** Idle sessions, the longest idle first. */
  idle(): OwnedSession[] {
    const idle = this.all().flatMap((session) =>
      session.idleSince === undefined ? [] : [{ session, since: session.idleSince }],
    );
    return idle.sort((a, b) => a.since - b.since).map(({ session }) => session);
  }
  counts(): { busy: number; idle: number } {
    const idle = this.all().filter(({ idleSince }) => idleSince !== undefined).length;
    return { busy: this.sessions.size - idle, idle };
  }

  /** The sessions' agents, for the worker record. `memoryOf`: what an agent held when it was measured last, bytes. */
  agents(memoryOf: (pid: number) => number | undefined): AgentRecord[] {
    return this.all().flatMap(({ sessionId, presentAgent }) => {
      if (presentAgent === undefined) return [];
      const rssBytes = memoryOf(presentAgent.pid);
      return [{ sessionId, ...presentAgent, ...(rssBytes === undefined ? {} : { rssBytes }) }];
    });
  }

  /** Runs claims and releases of one session one after the other. */
  async exclusively<T>(sessionId: string, work: () => Promise<T>): Promise<T> {
    const before = this.exclusive.get(sessionId) ?? Promise.resolve();
    const run = before.then(work, work);
    this.exclusive.set(sessionId, run);
    try {
      return await run;
    } finally {
      if (this.exclusive.get(sessionId) === run) this.exclusive.delete(sessionId);
    }
  }
}
