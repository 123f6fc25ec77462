import { EventEmitter } from 'node:events';
import { HearthError } from '@hearth/shared';
import { Backoff, type Logger } from '@hearth/shared/internal';
import type { Agent } from '../agent/driver.js';
import { startFailure } from '../agent/start-failure.js';
import type { Occupancy, PoolOccupancy } from './occupancy.js';

/** After so many failures in a row the pool starts spares only when a turn asks for one. */
const givesUpAfter = 8;
/** An agent that lived for so long had a good start, whatever ended it, ms. */
const heldMs = 10_000;

export interface SparePoolDeps {
  /** How many ready spares to keep. */
  target: number;
  start: () => Promise<Agent>;
  occupancy: Occupancy;
  log: Logger;
}

interface SparePoolEvents {
  /** A spare has become ready. */
  ready: [];
}

interface Waiter {
  resolve: (agent: Agent) => void;
  reject: (error: HearthError) => void;
}

type Health =
  | { kind: 'unknown' }
  | { kind: 'ok' }
  /** Starts fail. `again`: more than the last one. The next try is due at `retryAt` (`performance.now()`, ms). */
  | { kind: 'failing'; again: boolean; error: HearthError; retryAt: number; timer: NodeJS.Timeout | undefined };

/**
 * The spares of one profile. Owns agents that are starting or ready and unbound, and the backoff of starts.
 *
 * S1 A spare is handed to exactly one taker, and leaves the pool with it.
 * S2 A start on demand goes to the taker that waited longest. A failed start rejects the takers that have no other start to wait for.
 * S3 A spare takes its slot until its process is gone.
 * S4 While starts fail again and again, takers are rejected at once with the last error, until the next try is due. After a single
 *    failure the next taker is the next try, because any process can be killed once.
 * S5 Only a start that works shows that starts work again. A ready spare is handed out all the same.
 * S6 A failed resume only makes the pool try a start of its own, because the transcript may be the cause.
 */
export class SparePool extends EventEmitter<SparePoolEvents> implements PoolOccupancy {
  private readonly ready: Agent[] = [];
  private readonly waiters: Waiter[] = [];
  private readonly starts = new Set<Promise<void>>();
  /** Spares whose processes are being ended. */
  private ending = 0;
  private health: Health = { kind: 'unknown' };
  private readonly backoff = new Backoff({ firstMs: 250, atMostMs: 60_000, holdMs: heldMs });
  private stopped = false;

  constructor(private readonly deps: SparePoolDeps) {
    super();
    deps.occupancy.register(this);
  }

  /** Spares, ready or starting. A start for a waiting taker counts for the taker. */
  get size(): number {
    return this.ready.length + Math.max(0, this.starts.size - this.waiters.length);
  }
  /** Slots the pool takes. */
  get occupied(): number {
    return this.size + this.ending;
  }
  get readyPids(): readonly number[] {
    return this.ready.map(({ pid }) => pid);
  }
  get readyCount(): number {
    return this.ready.length;
  }
  /** The error of the last start, while starts fail and no earlier spare is left. */
  get failure(): HearthError | undefined {
    return this.health.kind === 'failing' && this.ready.length === 0 ? this.health.error : undefined;
  }
  /** Whether starts fail again and again, and the next try is not due yet. */
  get isBackingOff(): boolean {
    return this.health.kind === 'failing' && this.health.again && performance.now() < this.health.retryAt;
  }

  /** Whether one more spare would exceed the target: a taker went away, and its start came too late. */
  private get isSurplus(): boolean {
    return this.stopped || this.ready.length >= this.deps.target;
  }

  /** Starts spares up to the target, as far as there is room. While starts fail it starts one at a time (S5). */
  fill(): void {
    if (this.stopped || this.isBackingOff) return;
    if (this.health.kind === 'failing') {
      if (this.starts.size === 0 && this.deps.occupancy.free > 0) this.launch();
      return;
    }
    while (this.size < this.deps.target && this.deps.occupancy.free > 0) this.launch();
  }

  /** Resolves when no start is under way. */
  async settled(): Promise<void> {
    while (this.starts.size > 0) await Promise.all(this.starts);
  }

  /** Hands out a ready spare. Undefined when there is none. */
  tryTake(): Agent | undefined {
    return this.ready.shift();
  }

  /** Resolves when a start without a waiting taker is over. False when none is under way. */
  async startFinished(): Promise<boolean> {
    if (this.starts.size <= this.waiters.length) return false;
    await Promise.race(this.starts);
    return true;
  }

  /** Takes back an unused spare. */
  giveBack(agent: Agent): void {
    if (this.isSurplus) void this.discard(agent);
    else this.keep(agent);
  }

  /**
   * Acquires an agent for a session that has a slot: a ready spare, one that is starting, or one started on demand.
   * @throws HearthError the reason why agents of this profile do not start
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

  /** Notes how a start outside the pool (a resume) went, because it uses the same binary. */
  noteFailure(error: HearthError): void {
    if (this.health.kind !== 'failing') this.fail(error);
  }
  noteSuccess(): void {
    this.succeed();
  }

  /** Replaces a spare that exceeds the memory limit. False when it is not one of this pool's. */
  dropGrown(pid: number): boolean {
    const at = this.ready.findIndex((agent) => agent.pid === pid);
    const [agent] = at === -1 ? [] : this.ready.splice(at, 1);
    if (agent === undefined) return false;
    void this.discard(agent).then(() => this.fill());
    return true;
  }

  /** Ends one spare to make room. False when there is none. */
  async dropOne(): Promise<boolean> {
    const agent = this.ready.pop();
    if (agent === undefined) return false;
    await this.discard(agent);
    return true;
  }

  /** Starts nothing more and ends all spares. Resolves when starts under way are gone too. */
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
    this.ending += 1;
    await agent.end('now');
    this.ending -= 1;
  }

  private keep(agent: Agent): void {
    this.ready.push(agent);
    this.emit('ready');
    const since = performance.now();
    void agent.exited.then((exit) => {
      const at = this.ready.indexOf(agent);
      if (at === -1) return;
      this.ready.splice(at, 1);
      const why = `A spare ended by itself (${exit.code ?? exit.signal}). ${exit.stderrTail}`.trim();
      if (performance.now() - since < heldMs) return this.fail(new HearthError('agent_start_failed', why), true);
      this.deps.log.warn({ event: 'spare.exited', pid: agent.pid }, why);
      this.fill();
    });
    this.fill();
  }

  private succeed(): void {
    this.backoff.succeeded();
    if (this.health.kind === 'failing') {
      clearTimeout(this.health.timer);
      this.deps.log.info({ event: 'pool.recovered' }, 'agents start again');
    }
    this.health = { kind: 'ok' };
  }

  /** `afterStart`: the agent started and died soon. A good start proves nothing then, so only the backoff knows of earlier failures. */
  private fail(error: HearthError, afterStart = false): void {
    if (this.stopped) return;
    while (this.waiters.length > this.starts.size) this.waiters.shift()?.reject(error);
    const failedBefore = this.health.kind === 'failing';
    if (this.health.kind === 'failing') clearTimeout(this.health.timer);
    const waitMs = this.backoff.failed();
    const again = failedBefore || (afterStart && this.backoff.count > 1);
    const goesOn = this.backoff.count < givesUpAfter;
    const fields = { err: error, failures: this.backoff.count, ...(goesOn ? { retryInMs: Math.round(waitMs) } : {}) };
    const message = goesOn ? 'an agent did not start' : 'agents keep failing to start; the next try is for a turn';
    this.deps.log.error({ event: 'pool.start_failed', ...fields }, message);
    const timer = goesOn ? setTimeout(() => this.tryAgain(), waitMs) : undefined;
    this.health = { kind: 'failing', again, error, retryAt: performance.now() + waitMs, timer };
  }

  /** A timer can fire a moment before its time. */
  private tryAgain(): void {
    if (this.health.kind === 'failing') this.health.retryAt = performance.now();
    this.fill();
  }
}
