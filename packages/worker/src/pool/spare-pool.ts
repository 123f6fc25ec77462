import { Backoff, HearthError, type Logger } from '@hearth/shared';
import type { Agent } from '../agent/driver.js';
import { startFailure } from '../agent/start-failure.js';

/** After so many failures in a row spares are started only when a turn asks for one. */
const givesUpAfter = 8;
/** An agent that lived for so long has started well, whatever ended it, ms. */
const heldMs = 10_000;

export interface SparePoolDeps {
  /** How many ready spares to keep. */
  target: number;
  start: () => Promise<Agent>;
  /** Whether one more agent fits into the worker's slots. */
  hasRoom: () => boolean;
  /** A spare has become ready. */
  onReady: () => void;
  log: Logger;
}

interface Waiter {
  resolve: (agent: Agent) => void;
  reject: (error: HearthError) => void;
}

type Health =
  | { kind: 'unknown' }
  | { kind: 'ok' }
  /** Starts fail, `again`: more than the last one; the next try is due at `retryAt` (performance.now, ms). */
  | { kind: 'failing'; again: boolean; error: HearthError; retryAt: number; timer: NodeJS.Timeout | undefined };

/**
 * The spares of one profile. Owns agents that are starting or ready and unbound, and the backoff of starts.
 *
 * S1 A spare is handed to exactly one taker, and leaves the pool with it.
 * S2 A start on demand goes to whoever waited first; one that fails is told to whoever has no other start to wait for.
 * S3 A spare takes its slot until its process is gone.
 * S4 While starts fail again and again, takers are told at once with the error of the last failure, until the next try is due. Once
 *    is an accident (anything can be killed): the next taker is the next try.
 * S5 Only an agent that starts tells that starts do not fail any more; a spare that is ready is handed out all the same.
 * S6 A resume that fails (its past may be the cause) only makes the pool look whether starts fail, by one of its own.
 */
export class SparePool {
  private readonly ready: Agent[] = [];
  private readonly waiters: Waiter[] = [];
  private readonly starts = new Set<Promise<void>>();
  /** Spares that are being ended: no spares any more, but still there. */
  private leaving = 0;
  private health: Health = { kind: 'unknown' };
  private readonly backoff = new Backoff({ firstMs: 250, atMostMs: 60_000, holdMs: heldMs });
  private stopped = false;

  constructor(private readonly deps: SparePoolDeps) {}

  /** Spares, ready or on their way; those on their way to a waiter count for the waiter. */
  get size(): number {
    return this.ready.length + Math.max(0, this.starts.size - this.waiters.length);
  }
  /** Slots the pool takes. */
  get occupied(): number {
    return this.size + this.leaving;
  }
  get readyPids(): readonly number[] {
    return this.ready.map(({ pid }) => pid);
  }
  get readyCount(): number {
    return this.ready.length;
  }
  /** Why no agent of this profile can be had, while it lasts: starts fail, and no spare is left from before. */
  get failure(): HearthError | undefined {
    return this.health.kind === 'failing' && this.ready.length === 0 ? this.health.error : undefined;
  }
  /** Starts fail again and again, and the next try is not due yet. */
  get isBackingOff(): boolean {
    return this.health.kind === 'failing' && this.health.again && performance.now() < this.health.retryAt;
  }

  /** One spare more would be one too many: its taker went away, and another was started for the next. */
  private get isSurplus(): boolean {
    return this.stopped || this.ready.length >= this.deps.target;
  }

  /** Starts spares up to the target, as far as there is room; while starts fail one at a time, target or not (S5). */
  fill(): void {
    if (this.stopped || this.isBackingOff) return;
    if (this.health.kind === 'failing') {
      if (this.starts.size === 0 && this.deps.hasRoom()) this.launch();
      return;
    }
    while (this.size < this.deps.target && this.deps.hasRoom()) this.launch();
  }

  /** Resolves when no start is under way: spares are ready, or it is known why not. */
  async settled(): Promise<void> {
    while (this.starts.size > 0) await Promise.all(this.starts);
  }

  /** Hands out a ready spare. */
  tryTake(): Agent | undefined {
    return this.ready.shift();
  }

  /** Resolves when a start is over that nobody waits for; false when none is under way. */
  async startFinished(): Promise<boolean> {
    if (this.starts.size <= this.waiters.length) return false;
    await Promise.race(this.starts);
    return true;
  }

  /** Takes back a spare that was not used after all. */
  giveBack(agent: Agent): void {
    if (this.isSurplus) void this.discard(agent);
    else this.keep(agent);
  }

  /**
   * An agent for a session that has a slot already: a ready spare, one that is starting, or one started on demand.
   * @throws HearthError why agents of this profile do not start
   */
  async obtain(): Promise<{ agent: Agent; ready: boolean }> {
    const spare = this.tryTake();
    if (spare !== undefined) return { agent: spare, ready: true };
    if (this.stopped) throw new HearthError('closed', 'The worker is stopping.');
    if (this.health.kind === 'failing' && this.isBackingOff) throw this.health.error;
    const agent = await new Promise<Agent>((resolve, reject) => {
      this.waiters.push({ resolve, reject });
      if (this.starts.size < this.waiters.length) this.launch();
    });
    return { agent, ready: false };
  }

  /** Notes how a start outside the pool (a resume) went: the same binary, the same trouble. */
  noteFailure(error: HearthError): void {
    if (this.health.kind !== 'failing') this.fail(error);
  }
  noteSuccess(): void {
    this.succeed();
  }

  /** Ends a spare that holds more memory than an agent may, and starts another; false when it is none of this pool's. */
  dropGrown(pid: number): boolean {
    const at = this.ready.findIndex((agent) => agent.pid === pid);
    const [agent] = at === -1 ? [] : this.ready.splice(at, 1);
    if (agent === undefined) return false;
    void this.discard(agent).then(() => this.fill());
    return true;
  }

  /** Ends one spare to make room; false when there is none. */
  async dropOne(): Promise<boolean> {
    const agent = this.ready.pop();
    if (agent === undefined) return false;
    await this.discard(agent);
    return true;
  }

  /** Starts nothing more and ends all spares; resolves when those that were starting are gone too. */
  async stop(): Promise<void> {
    this.stopped = true;
    if (this.health.kind === 'failing') clearTimeout(this.health.timer);
    for (const waiter of this.waiters.splice(0)) waiter.reject(new HearthError('closed', 'The worker is stopping.'));
    await Promise.all(this.ready.splice(0).map((agent) => agent.end('now')));
    await Promise.all(this.starts);
  }

  private launch(): void {
    const start = this.deps.start().then(
      async (agent) => {
        this.starts.delete(start);
        this.succeed();
        const waiter = this.waiters.shift();
        if (waiter !== undefined) waiter.resolve(agent);
        else if (this.isSurplus) await this.discard(agent);
        else this.keep(agent);
      },
      (error: unknown) => {
        this.starts.delete(start);
        this.fail(startFailure(error));
      },
    );
    this.starts.add(start);
  }

  private async discard(agent: Agent): Promise<void> {
    this.leaving += 1;
    await agent.end('now');
    this.leaving -= 1;
  }

  private keep(agent: Agent): void {
    this.ready.push(agent);
    this.deps.onReady();
    const since = performance.now();
    void agent.exited.then((exit) => {
      const at = this.ready.indexOf(agent);
      if (at === -1) return;
      this.ready.splice(at, 1);
      const why = `A spare ended by itself (${exit.code ?? exit.signal}). ${exit.stderrTail}`.trim();
      if (performance.now() - since < heldMs) return this.fail(new HearthError('agent_start_failed', why), true);
      this.deps.log.warn({ pid: agent.pid }, why);
      this.fill();
    });
    this.fill();
  }

  private succeed(): void {
    this.backoff.succeeded();
    if (this.health.kind === 'failing') {
      clearTimeout(this.health.timer);
      this.deps.log.info('agents start again');
    }
    this.health = { kind: 'ok' };
  }

  /** `afterStart`: it started, and died soon: that starts go well says nothing then, and the backoff alone knows of the one before. */
  private fail(error: HearthError, afterStart = false): void {
    if (this.stopped) return;
    while (this.waiters.length > this.starts.size) this.waiters.shift()?.reject(error);
    const failedBefore = this.health.kind === 'failing';
    if (this.health.kind === 'failing') clearTimeout(this.health.timer);
    const waitMs = this.backoff.failed();
    const again = failedBefore || (afterStart && this.backoff.count > 1);
    const goesOn = this.backoff.count < givesUpAfter;
    this.deps.log.error(
      { err: error, failures: this.backoff.count, ...(goesOn ? { retryInMs: Math.round(waitMs) } : {}) },
      goesOn ? 'an agent did not start' : 'agents keep failing to start; trying again only when a turn asks for one',
    );
    const timer = goesOn ? setTimeout(() => this.tryAgain(), waitMs) : undefined;
    this.health = { kind: 'failing', again, error, retryAt: performance.now() + waitMs, timer };
  }

  /** A timer can fire a moment before its time. */
  private tryAgain(): void {
    if (this.health.kind === 'failing') this.health.retryAt = performance.now();
    this.fill();
  }
}
