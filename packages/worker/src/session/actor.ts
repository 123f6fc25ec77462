import type { Claim, Logger, SessionStore, SessionWriter } from '@hearth/shared';
import type { Slot } from '../pool/slots.js';
import { Serving, type ServingDeps } from './serving.js';
import { type Settled, WaitingDoorbells } from './waiting-doorbells.js';

export interface ActorDeps extends ServingDeps {
  store: SessionStore;
  /** Whether turns of other sessions wait for a slot that this session could give up. */
  othersWait(): Promise<boolean>;
  /** The session is over for good: removes its files here. */
  discard(): Promise<void>;
  /** Shows a raw line to whoever watches the session. */
  showRaw(way: 'in' | 'out' | 'err', line: string): void;
  /** Releases the lock and rings what is left to intake. `begunSeq`: the turn that was begun here last. */
  handOver(release: () => ReturnType<SessionWriter['release']>, begunSeq: number | undefined): Promise<void>;
  /** Gives the lock back, if it still names us. */
  letGo(): Promise<void>;
  /** The actor is over: its slot is free. */
  onOver(): void;
  log: Logger;
}

type Phase =
  | { kind: 'idle'; since: number }
  /** The log is being looked at: what is found there may be served, so nobody may end the agent now. */
  | { kind: 'looking' }
  | { kind: 'serving'; seq: number }
  | { kind: 'releasing'; done: Promise<boolean> }
  /** The session is lost; its agent is being ended. */
  | { kind: 'fencing'; done: Promise<void> }
  | { kind: 'over' };

/** What the worker wants of the session next: that it goes on, that it is handed over after the running turn, that it ends. */
type Aim = 'serve' | 'hand_over' | 'close';

/** The doorbell of no turn: the session's agent is to be there. */
const warmSeq = 0;

/** Raw lines are shown for so long after somebody asked for them, ms; who watches asks again in time. */
const watchedForMs = 15_000;

/**
 * One owned session: looks at its log and has its turns served, in the log's order, one at a time. Owns the session's phase and the
 * doorbells that wait.
 *
 * R1 One turn is in hand at a time, whichever doorbell came first (P2).
 * R2 The lock is released only after the agent and all it started have ended.
 * R3 Only an idle session is given up: one whose log is being looked at may have a turn to serve.
 */
export class SessionActor {
  private readonly serving: Serving;
  private readonly doorbells = new WaitingDoorbells();
  private readonly log: Logger;
  private phase: Phase = { kind: 'looking' };
  private aim: Aim = 'serve';
  private rung = true;
  private isWantedWarm = false;
  private turnsInARow = 0;
  private watched: NodeJS.Timeout | undefined;
  private wakeUp: (() => void) | undefined;
  private resolveOver: () => void = () => undefined;
  private readonly over = new Promise<void>((resolve) => {
    this.resolveOver = resolve;
  });

  constructor(
    readonly sessionId: string,
    private readonly claim: Claim,
    slot: Slot,
    private readonly deps: ActorDeps,
  ) {
    this.log = deps.log.child({ sessionId });
    const listener = {
      onLost: (why: 'fenced' | 'failed') => void this.lost(why),
      onIdleExit: () => void this.evict(),
      stays: () => this.aim === 'serve',
    };
    this.serving = new Serving(sessionId, claim, slot, deps, listener, this.log);
  }

  /** performance.now() since when it is idle; undefined while it is not. */
  get idleSince(): number | undefined {
    return this.phase.kind === 'idle' && !this.rung ? this.phase.since : undefined;
  }

  /** The agent that is there, for the worker record. */
  get presentAgent(): Serving['presentAgent'] {
    return this.serving.presentAgent;
  }

  start(): void {
    void this.run();
  }

  /** A doorbell: resolves when its turn is committed, or the session is no longer ours. */
  ring(seq: number): Promise<Settled> {
    if (this.phase.kind === 'over') return Promise.resolve({ kind: 'moved' });
    if (seq === warmSeq) this.isWantedWarm = true;
    const settled = this.doorbells.wait(seq);
    this.wake();
    return settled;
  }

  /** Looks at the log again. */
  wake(): void {
    this.rung = true;
    this.wakeUp?.();
  }

  /** A turn is to stop: the one in hand at once, another when it begins. */
  interrupt(seq: number): void {
    this.serving.stop(seq);
  }

  /** A permission request was answered. */
  async answered(requestId: string): Promise<void> {
    await this.serving.answered(requestId);
  }

  /** Looks for controls whose calls were lost (P13). */
  async rereadControlRequests(): Promise<void> {
    if (this.phase.kind === 'serving') await this.serving.rereadControlRequests(this.phase.seq);
  }

  /** An agent was measured. One that has grown too much while idle makes way: its session's next turn resumes. */
  noteMemory(pid: number, bytes: number): void {
    if (this.serving.noteMemory(pid, bytes)) void this.evict();
  }

  /** Ends the agent and releases an idle session; false when it is busy. */
  async evict(): Promise<boolean> {
    if (this.phase.kind === 'releasing') return this.phase.done;
    if (this.idleSince === undefined) return false;
    const done = this.releaseIdle();
    this.phase = { kind: 'releasing', done };
    return done;
  }

  /** Lets the running turn finish, then hands the session over. Resolves when the session is not ours any more. */
  async drain(): Promise<void> {
    this.leave('hand_over');
    await this.over;
  }

  /** Drops what runs: the agent is stopped and ended, the running turn stays in the log and goes to the next owner. */
  async abandon(): Promise<void> {
    this.leave('hand_over');
    await this.serving.abandon();
    await this.over;
  }

  /** The session is being closed: ends the agent at once and lets go; what waits is withdrawn by whoever closes it. */
  close(): void {
    this.leave('close');
    void this.serving.endNow();
  }

  /** A turn that waited was given its result by somebody else: its doorbells end. */
  async withdrawn(seq: number): Promise<void> {
    const result = (await this.deps.store.turn(this.sessionId, seq))?.result;
    if (result !== undefined) this.doorbells.settle(seq, { kind: 'committed', result });
  }

  /** Shows the raw lines of the session's agents, for a while. */
  watch(): void {
    clearTimeout(this.watched);
    this.serving.watch((way, line) => this.deps.showRaw(way, line));
    this.watched = setTimeout(() => this.serving.watch(undefined), watchedForMs);
    this.watched.unref();
  }

  /** The session is not ours any more: ends the agent; what it says until it is gone is refused, and counted in the log. */
  async fencedOut(): Promise<void> {
    if (this.phase.kind === 'over') return;
    if (this.phase.kind !== 'fencing') {
      this.phase = { kind: 'fencing', done: this.serving.refuse().then(() => this.finish()) };
    }
    await this.phase.done;
  }

  /** Nothing more can be written here. What is left in the log need not wait for us: another view of the session can serve it. */
  private async lost(why: 'fenced' | 'failed'): Promise<void> {
    await this.fencedOut();
    if (why === 'failed')
      await this.deps
        .letGo()
        .catch((error: unknown) => this.log.warn({ err: error }, 'the lock could not be given back; a sweep does it'));
  }

  private leave(aim: 'hand_over' | 'close'): void {
    if (this.aim !== 'close') this.aim = aim;
    this.wake();
  }

  private async run(): Promise<void> {
    try {
      for (let goesOn = true; goesOn; ) goesOn = await this.step();
    } catch (error) {
      this.log.error({ err: error }, 'the session failed on this worker; handing it over');
      await this.handOver('now').catch((cause: unknown) =>
        this.log.error({ err: cause }, 'the session could not be handed over'),
      );
      this.finish();
    }
  }

  /** One look at the log. False: the session is not ours any more. */
  private async step(): Promise<boolean> {
    if (this.isLost()) return false;
    if (this.aim === 'hand_over') {
      await this.handOver('ask');
      return false;
    }
    this.rung = false;
    this.phase = { kind: 'looking' };
    const wasToClose = this.aim === 'close';
    const turn = await this.deps.store.head(this.sessionId);
    if (turn === 'closing') {
      await this.letGo();
      return false;
    }
    if (wasToClose) {
      this.log.warn('nobody closes the session any more (Redis forgot it, or it was opened again); handing it over');
      await this.handOver('now');
      return false;
    }
    if (turn !== undefined && (await this.shouldYield())) {
      this.log.info({ turnsInARow: this.turnsInARow }, 'the session gives its slot up to those who wait');
      await this.handOver('ask');
      return false;
    }
    await this.doorbells.settleBefore(turn?.seq, (seq) => this.deps.store.turn(this.sessionId, seq));
    if (turn !== undefined) await this.serve(turn);
    else if (this.isWantedWarm) await this.warm();
    else await this.idle();
    return true;
  }

  /** Another call may have ended the session while this one waited. */
  private isLost(): boolean {
    return this.phase.kind === 'over' || this.phase.kind === 'fencing';
  }

  private async idle(): Promise<void> {
    this.turnsInARow = 0;
    if (this.rung || this.aim !== 'serve' || this.isLost()) return;
    this.phase = { kind: 'idle', since: performance.now() };
    const { idleTimeoutMs } = this.deps.limits;
    // A session for one turn has no more to come.
    const timeout = setTimeout(() => void this.evict(), this.claim.once ? 0 : idleTimeoutMs);
    await new Promise<void>((resolve) => {
      this.wakeUp = resolve;
    });
    clearTimeout(timeout);
    this.wakeUp = undefined;
    await this.releaseUnderWay();
  }

  private async releaseUnderWay(): Promise<void> {
    if (this.phase.kind === 'releasing') await this.phase.done;
  }

  private async serve(turn: Parameters<Serving['serve']>[0]): Promise<void> {
    if (this.isLost()) return;
    this.phase = { kind: 'serving', seq: turn.seq };
    const served = await this.serving.serve(turn);
    switch (served.kind) {
      case 'committed':
        this.turnsInARow += 1;
        return this.doorbells.settle(served.seq, { kind: 'committed', result: served.result });
      case 'elsewhere':
        return this.leave('hand_over');
      case 'again':
        return this.withdrawn(turn.seq);
      case 'lost':
    }
  }

  private async warm(): Promise<void> {
    this.isWantedWarm = false;
    if (this.isLost()) return;
    this.phase = { kind: 'serving', seq: warmSeq };
    await this.serving.warm();
    this.doorbells.settle(warmSeq, { kind: 'committed', result: undefined });
  }

  private async shouldYield(): Promise<boolean> {
    return this.turnsInARow >= this.deps.limits.yieldAfterTurns && (await this.deps.othersWait());
  }

  private async releaseIdle(): Promise<boolean> {
    try {
      return await this.tryReleaseIdle();
    } catch (error) {
      // Its agent has ended. Its lock names us still: its next turn finds it here, or a closer does.
      this.log.error({ err: error }, 'an idle session could not be released');
      this.finish();
      return true;
    }
  }

  private async tryReleaseIdle(): Promise<boolean> {
    await this.serving.end('ask');
    const outcome = await this.serving.release('idle');
    if (this.isLost()) return true;
    if (outcome.kind === 'not_empty') {
      this.log.info('a turn came while the session was given up: it stays, and resumes');
      this.phase = { kind: 'idle', since: performance.now() };
      this.wake();
      return false;
    }
    this.log.info('session released');
    if (this.claim.once) await this.deps.discard();
    this.finish();
    return true;
  }

  /** The session is being closed. Its files here go before anybody is told that it is gone. */
  private async letGo(): Promise<void> {
    await this.serving.end('now');
    this.doorbells.settleAll({ kind: 'moved' });
    if (!this.isLost()) {
      await this.deps.discard();
      await this.serving.release('drain');
    }
    this.log.info('session closed');
    this.finish();
  }

  private async handOver(how: 'ask' | 'now'): Promise<void> {
    await this.serving.end(how);
    if (!this.isLost()) await this.deps.handOver(() => this.serving.release('drain'), this.serving.begunSeq);
    this.finish();
  }

  private finish(): void {
    if (this.phase.kind === 'over') return;
    this.phase = { kind: 'over' };
    clearTimeout(this.watched);
    this.doorbells.settleAll({ kind: 'moved' });
    this.wakeUp?.();
    this.deps.onOver();
    this.resolveOver();
  }
}
