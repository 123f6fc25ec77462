import { type Claim, type HeadTurn, type Ringer, stoppedError } from '@hearth/shared/internal';
import { deferred } from '../deferred.js';
import type { Slot } from '../pool/occupancy.js';
import type { Slots } from '../pool/slots.js';
import { type DoorbellOutcome, DoorbellWaiters, warmSeq } from './doorbell-waiters.js';
import type { HandOver } from './hand-over.js';
import { endLostSession, handOverSession, type Leaving, releaseClosed, releaseIdle } from './leave-session.js';
import { RawLines } from './raw-lines.js';
import { serveTurn, type TurnSession, warmAgent } from './serve-turn.js';
import type { OwnedSession, SessionRegistry } from './session-registry.js';
import { openSessionResources, type SessionResources, type SessionResourcesDeps } from './session-resources.js';
import type { TurnsLeftToOthers } from './turns-left-to-others.js';

export interface ActorDeps extends SessionResourcesDeps {
  ringer: Ringer;
  registry: SessionRegistry;
  slots: Slots;
  handOver: HandOver;
  leftToOthers: TurnsLeftToOthers;
}

type Phase =
  /** Reads the log. A turn may be found, so the agent must stay. */
  | { kind: 'looking' }
  | { kind: 'idle'; since: number; wake: () => void }
  | { kind: 'serving'; seq: number }
  | { kind: 'releasing'; done: Promise<boolean> }
  /** The session is lost. Its agent is being ended. */
  | { kind: 'losing' }
  | { kind: 'over' };

/** What the worker wants of the session next. */
type Aim = 'serve' | 'hand_over' | 'close';

/**
 * One owned session: reads its log and serves its turns in order, one at a time. Owns the session's agent, writes, permission requests,
 * waiting doorbells and phase.
 *
 * R1 One turn runs at a time, whichever doorbell came first (P2).
 * R2 The lock is released only after the agent and everything it started have ended.
 * R3 Only an idle session is evicted, because a session whose log is being read may have a turn.
 */
export class SessionActor implements OwnedSession {
  private readonly resources: SessionResources;
  private readonly rawLines: RawLines;
  private readonly turns: TurnSession;
  private readonly leaving: Leaving;
  private readonly doorbells = new DoorbellWaiters();
  private phase: Phase = { kind: 'looking' };
  private aim: Aim = 'serve';
  /** Whether the log must be read again: a doorbell or a call came since the last look. */
  private isRung = true;
  private isWantedWarm = false;
  private turnsInARow = 0;
  private readonly over = deferred<{ cutOff: boolean }>();

  constructor(
    readonly sessionId: string,
    private readonly claim: Claim,
    private readonly slot: Slot,
    private readonly deps: ActorDeps,
  ) {
    this.resources = openSessionResources(sessionId, claim, slot, deps, () => void this.evict());
    this.rawLines = new RawLines(sessionId, deps.store, this.resources.agent);
    this.turns = {
      ...this.resources,
      workerId: deps.workerId,
      attemptsAllowed: deps.store.limits.attemptsAllowed,
      stays: () => this.aim === 'serve',
      leaveToOthers: (seq) => deps.leftToOthers.leave(sessionId, seq, claim.profile),
    };
    this.leaving = { ...deps, sessionId, claim, resources: this.resources };
    this.resources.ownership.lost.addEventListener('abort', () => void this.endLost());
  }

  start(): void {
    void this.run();
  }

  get idleSince(): number | undefined {
    return this.phase.kind === 'idle' && !this.isRung ? this.phase.since : undefined;
  }

  get presentAgent(): OwnedSession['presentAgent'] {
    return this.resources.agent.present;
  }

  ring(seq: number): Promise<DoorbellOutcome> {
    if (this.phase.kind === 'over') return Promise.resolve({ kind: 'moved' });
    if (seq === warmSeq) this.isWantedWarm = true;
    const outcome = this.doorbells.wait(seq);
    this.wake();
    return outcome;
  }

  wake(): void {
    this.isRung = true;
    if (this.phase.kind === 'idle') this.phase.wake();
  }

  interrupt(seq: number): void {
    this.resources.agent.stop(seq, stoppedError());
  }

  async answered(requestId: string): Promise<void> {
    await this.resources.desk.answered(requestId);
  }

  async rereadControlRequests(): Promise<void> {
    if (this.phase.kind !== 'serving') return;
    const { seq } = this.phase;
    const isKnown = this.resources.agent.stopReason(seq) !== undefined;
    if (!isKnown && (await this.deps.controls.isToStop(this.sessionId, seq))) this.interrupt(seq);
    await this.resources.desk.reread();
  }

  /** An idle agent that has grown too much makes room. The session's next turn resumes. */
  limitMemory(bytes: number): void {
    if (this.resources.agent.limitMemory(bytes)) void this.evict();
  }

  async evict(): Promise<boolean> {
    if (this.phase.kind === 'releasing') return this.phase.done;
    if (this.phase.kind !== 'idle' || this.isRung) return false;
    const { wake } = this.phase;
    const done = this.releaseIdle();
    this.phase = { kind: 'releasing', done };
    wake();
    return done;
  }

  async drain(): Promise<{ cutOff: boolean }> {
    this.leave('hand_over');
    return this.over.promise;
  }

  async abandon(): Promise<{ cutOff: boolean }> {
    this.leave('hand_over');
    await this.resources.agent.abandon();
    return this.over.promise;
  }

  /** The closer withdraws the turns that wait. */
  close(): void {
    this.leave('close');
    void this.resources.agent.end('now');
  }

  async withdrawn(seq: number): Promise<void> {
    const result = (await this.deps.store.turn(this.sessionId, seq))?.result;
    if (result !== undefined) this.doorbells.resolve(seq, { kind: 'committed', result });
  }

  watch(): void {
    this.rawLines.watch();
  }

  async drop(): Promise<void> {
    if (this.phase.kind === 'over') return;
    this.resources.ownership.lose('lease_lost');
    await this.over.promise;
  }

  private leave(aim: 'hand_over' | 'close'): void {
    if (this.aim !== 'close') this.aim = aim;
    this.wake();
  }

  private async run(): Promise<void> {
    try {
      while (await this.step());
    } catch (error) {
      this.resources.log.error({ event: 'session.failed', err: error }, 'the session failed; handing it over');
      await this.handOver('now').catch((cause: unknown) =>
        this.resources.log.error({ event: 'session.hand_over_failed', err: cause }, 'could not hand the session over'),
      );
      this.finish();
    }
  }

  /** Reads the log once and acts on it. False: the session is not owned any more. */
  private async step(): Promise<boolean> {
    if (this.isLost) return false;
    if (this.aim === 'hand_over') return this.handOver('ask');
    this.isRung = false;
    this.phase = { kind: 'looking' };
    const wasToClose = this.aim === 'close';
    const turn = await this.deps.store.head(this.sessionId);
    if (turn === 'closing') {
      await releaseClosed(this.leaving);
      this.finish();
      return false;
    }
    if (wasToClose) {
      const reason = 'Redis lost the closing mark, or the session was opened again';
      this.resources.log.warn({ event: 'session.close_abandoned', reason }, 'close abandoned, handing session over');
      return this.handOver('now');
    }
    if (turn !== undefined && (await this.shouldYield())) {
      const { turnsInARow } = this;
      this.resources.log.info({ event: 'session.yielded', turnsInARow }, 'the slot goes to waiting sessions');
      return this.handOver('ask');
    }
    await this.doorbells.resolveCommitted(turn?.seq, (seq) => this.deps.store.turn(this.sessionId, seq));
    if (this.isLost) return false;
    if (turn !== undefined) await this.serve(turn);
    else if (this.isWantedWarm) await this.warm();
    else await this.idle();
    return true;
  }

  /** The phase can change during any await, because another call can end the session. */
  private get isLost(): boolean {
    return this.phase.kind === 'over' || this.phase.kind === 'losing';
  }

  private async idle(): Promise<void> {
    this.turnsInARow = 0;
    if (this.isRung || this.aim !== 'serve') return;
    // A session for one turn gets no other turn.
    const timeoutMs = this.claim.isSingleTurn ? 0 : this.deps.limits.idleTimeoutMs;
    const timeout = setTimeout(() => void this.evict(), timeoutMs);
    await new Promise<void>((wake) => {
      this.phase = { kind: 'idle', since: performance.now(), wake };
    });
    clearTimeout(timeout);
    if (this.phase.kind === 'releasing') await this.phase.done;
  }

  private async serve(turn: HeadTurn): Promise<void> {
    this.phase = { kind: 'serving', seq: turn.seq };
    const served = await serveTurn(this.turns, turn);
    switch (served.kind) {
      case 'committed':
        this.turnsInARow += 1;
        return this.doorbells.resolve(served.seq, { kind: 'committed', result: served.result });
      case 'elsewhere':
        return this.leave('hand_over');
      case 'again':
        return this.withdrawn(turn.seq);
      case 'lost':
    }
  }

  private async warm(): Promise<void> {
    this.isWantedWarm = false;
    this.phase = { kind: 'serving', seq: warmSeq };
    await warmAgent(this.turns);
    this.doorbells.resolve(warmSeq, { kind: 'committed', result: undefined });
  }

  private async shouldYield(): Promise<boolean> {
    const { limits, slots, ringer } = this.deps;
    if (this.turnsInARow < limits.yieldAfterTurns || slots.outlook() !== 'full') return false;
    return ringer.othersWaitInIntake(this.sessionId);
  }

  private async releaseIdle(): Promise<boolean> {
    const isReleased = await releaseIdle(this.leaving);
    if (isReleased) this.finish();
    return isReleased;
  }

  private async handOver(how: 'ask' | 'now'): Promise<false> {
    this.finish(await handOverSession(this.leaving, how));
    return false;
  }

  private async endLost(): Promise<void> {
    if (this.phase.kind === 'over') return;
    const { log, ownership } = this.resources;
    this.phase = { kind: 'losing' };
    await endLostSession(this.leaving);
    this.finish();
    if (ownership.lostReason !== 'write_failed') return;
    // The lock may still name this worker. Released, another actor can serve what is left in the log.
    await this.deps.handOver
      .releaseLock(this.sessionId)
      .catch((error: unknown) =>
        log.warn({ event: 'lock.release_failed', err: error }, 'could not release the lock; a sweep will'),
      );
  }

  private finish(how = { cutOff: false }): void {
    const { phase } = this;
    if (phase.kind === 'over') return;
    this.phase = { kind: 'over' };
    this.rawLines.stop();
    this.doorbells.resolveAll({ kind: 'moved' });
    if (phase.kind === 'idle') phase.wake();
    this.deps.registry.remove(this);
    this.deps.slots.release(this.slot);
    this.over.resolve(how);
  }
}
